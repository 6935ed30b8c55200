//! The models of one worker: those that generate text, and perhaps one that makes vectors.

use super::{Embedder, Engine, Load, Readiness};
use std::sync::Arc;

/// The engines of all models.
#[derive(Debug)]
pub struct Models {
    /// In the order in which they were named; never empty.
    text: Vec<TextModel>,
    embedding: Option<EmbeddingModel>,
}

/// A model that generates text.
#[derive(Debug, Clone)]
pub struct TextModel {
    /// Its name in requests.
    pub name: String,
    /// What works for it.
    pub engine: Arc<dyn Engine>,
}

/// A model that makes vectors.
#[derive(Debug, Clone)]
pub struct EmbeddingModel {
    /// Its name in requests.
    pub name: String,
    /// What works for it.
    pub engine: Arc<dyn Embedder>,
}

impl Models {
    /// One model that generates text.
    #[must_use]
    pub fn new(model: TextModel) -> Self {
        Self { text: vec![model], embedding: None }
    }

    /// And another one, of another name.
    #[must_use]
    pub fn with_text(mut self, model: TextModel) -> Self {
        self.text.push(model);
        self
    }

    /// And one that makes vectors, of another name.
    #[must_use]
    pub fn with_embedding(self, model: EmbeddingModel) -> Self {
        Self { embedding: Some(model), ..self }
    }

    /// The models that generate text.
    #[must_use]
    pub fn text(&self) -> &[TextModel] {
        &self.text
    }

    /// The model of that name, if it generates text.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&TextModel> {
        self.text.iter().find(|model| model.name == name)
    }

    /// The model that makes vectors, where there is one.
    #[must_use]
    pub fn embedding(&self) -> Option<&EmbeddingModel> {
        self.embedding.as_ref()
    }

    /// The names of all models: those that generate text, then the other one's.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let text = self.text.iter().map(|model| model.name.as_str());
        text.chain(self.embedding.iter().map(|model| model.name.as_str())).collect()
    }

    /// Whether all models take jobs. The first one that does not tells how far it is.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let text = self.text.iter().map(|model| model.engine.readiness());
        let mut all = text.chain(self.embedding.iter().map(|model| model.engine.readiness()));
        all.find(|readiness| *readiness != Readiness::Ready).unwrap_or(Readiness::Ready)
    }

    /// Gives up all that waits: another worker is to have it.
    pub fn hand_back(&self) {
        self.text.iter().for_each(|model| model.engine.hand_back());
        if let Some(embedding) = &self.embedding {
            embedding.engine.hand_back();
        }
    }

    /// The slots of what generates text, and how they are used. Of several key-value caches it is the fullest one that counts.
    #[must_use]
    pub fn text_load(&self) -> Load {
        self.text.iter().map(|model| model.engine.load()).fold(Load::default(), |all, one| Load {
            slots: all.slots + one.slots,
            running: all.running + one.running,
            waiting: all.waiting + one.waiting,
            kv_cache_utilization: larger(all.kv_cache_utilization, one.kv_cache_utilization),
            gpu_utilization: larger(all.gpu_utilization, one.gpu_utilization),
        })
    }

    /// The same with all requests that run and wait: whoever counts what a worker has in flight counts those for vectors too,
    /// and they take processor time from those in the slots.
    #[must_use]
    pub fn load(&self) -> Load {
        let text = self.text_load();
        let Some(embedding) = &self.embedding else { return text };
        let beside = embedding.engine.load();
        Load { running: text.running + beside.running, waiting: text.waiting + beside.waiting, ..text }
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}
