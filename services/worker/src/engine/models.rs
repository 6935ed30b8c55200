//! The models of one worker: one that generates text, and perhaps one that makes vectors.

use super::{Embedder, Engine, Load, Readiness};
use std::sync::Arc;

/// The engines of all models, and the models' names.
#[derive(Debug)]
pub struct Models {
    text: Arc<dyn Engine>,
    embedding: Option<EmbeddingModel>,
    /// The name of the model that generates text, then the other one's.
    names: Vec<String>,
}

/// A model that makes vectors.
#[derive(Debug, Clone)]
pub struct EmbeddingModel {
    /// Its name in requests.
    pub name: String,
    /// What works for it.
    pub engine: Arc<dyn Embedder>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It generates text.
    Text,
    /// It makes vectors.
    Embedding,
}

impl Models {
    /// One model that generates text, of that name.
    #[must_use]
    pub fn new(name: String, text: Arc<dyn Engine>) -> Self {
        Self { text, embedding: None, names: vec![name] }
    }

    /// And one that makes vectors, of another name.
    #[must_use]
    pub fn with_embedding(mut self, model: EmbeddingModel) -> Self {
        self.names.truncate(1);
        self.names.push(model.name.clone());
        Self { embedding: Some(model), ..self }
    }

    /// What generates text.
    #[must_use]
    pub fn text(&self) -> &Arc<dyn Engine> {
        &self.text
    }

    /// The name of the model that generates text.
    #[must_use]
    pub fn text_name(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The model that makes vectors, where there is one.
    #[must_use]
    pub fn embedding(&self) -> Option<&EmbeddingModel> {
        self.embedding.as_ref()
    }

    /// The names of all models.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the model of that name is for.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<Purpose> {
        if name == self.text_name() {
            return Some(Purpose::Text);
        }
        self.embedding.as_ref().filter(|model| model.name == name).map(|_| Purpose::Embedding)
    }

    /// Whether all models take jobs. Of two that load it is what generates text that tells how far it is.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let text = self.text.readiness();
        let Some(embedding) = &self.embedding else { return text };
        if text == Readiness::Ready { embedding.engine.readiness() } else { text }
    }

    /// Gives up all that waits: another worker is to have it.
    pub fn hand_back(&self) {
        self.text.hand_back();
        if let Some(embedding) = &self.embedding {
            embedding.engine.hand_back();
        }
    }

    /// The slots of what generates text, and all requests that run and wait: whoever counts what a worker has in flight
    /// counts the others too, and they take processor time from those in the slots.
    #[must_use]
    pub fn load(&self) -> Load {
        let text = self.text.load();
        let Some(embedding) = &self.embedding else { return text };
        let beside = embedding.engine.load();
        Load { running: text.running + beside.running, waiting: text.waiting + beside.waiting, ..text }
    }
}
