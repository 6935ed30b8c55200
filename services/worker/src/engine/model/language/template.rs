//! A conversation in the form that the model was trained on.
//!
//! The form is a Jinja template in the model's file.

use super::super::metadata::Metadata;
use super::vocabulary::Vocabulary;
use anyhow::Result;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, context};
use spillway_inference::request::Message;

const NAME: &str = "chat";

/// The template of a model.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl ChatTemplate {
    /// `None` where the file has none.
    pub(super) fn new(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Option<Self>> {
        let Ok(source) = metadata.text("tokenizer.chat_template") else { return Ok(None) };
        let mut environment = Environment::new();
        // As the templates' authors have it: a line that holds only a tag leaves nothing behind.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.add_function("raise_exception", refuse);
        environment.add_template_owned(NAME, source.to_owned())?;
        let name = |key| metadata.token(key).map_or("", |token| vocabulary.name(token)).to_owned();
        let begin = name("tokenizer.ggml.bos_token_id");
        let end = name("tokenizer.ggml.eos_token_id");
        Ok(Some(Self { environment, begin, end }))
    }

    /// The text of a conversation, up to where the model is to go on.
    pub(super) fn render(&self, messages: &[Message]) -> Result<String, String> {
        let line = |message: &Message| context! { role => message.role.as_str(), content => message.content.as_str() };
        let lines: Vec<_> = messages.iter().map(line).collect();
        let template = self.environment.get_template(NAME).map_err(|error| explain(&error))?;
        let values = context! {
            messages => lines,
            add_generation_prompt => true,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
        };
        template.render(values).map_err(|error| explain(&error))
    }
}

/// What templates call when they do not like a conversation.
fn refuse(why: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, why))
}

/// The reason alone: the rest of such an error can hold parts of the conversation.
fn explain(error: &Error) -> String {
    let why = error.detail().unwrap_or("it cannot be filled in");
    format!("messages: the model's chat template refuses them: {why}")
}
