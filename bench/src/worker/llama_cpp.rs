//! llama.cpp on the same file: a program of its own (`bench/llama-cpp`), told over standard input what to do.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::asked::{Answer, Answered, Request};

/// The running program.
pub(super) struct LlamaCpp {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl LlamaCpp {
    /// Starts it, for so many requests at a time, each of which comes to no more than so many tokens.
    pub(super) fn start(program: &Path, model: &Path, slots: u32, context: u32) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--model-file").arg(model);
        command.args(["--threads=1", &format!("--slots={slots}"), &format!("--context={context}")]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let says = child.stdout.take().context("llama.cpp has no output")?;
        Ok(Self { child, says: BufReader::new(says) })
    }

    /// Asks for them all, each at its time. Blocks until they are answered: nobody else is to compute meanwhile.
    pub(super) fn ask(&mut self, requests: &[Request]) -> Result<Answered> {
        let asked = json!({ "requests": requests.iter().map(line).collect::<Vec<_>>() });
        let to = self.child.stdin.as_mut().context("llama.cpp has no input")?;
        writeln!(to, "{asked}").context("llama.cpp has ended")?;
        let mut said = String::new();
        self.says.read_line(&mut said)?;
        ensure!(!said.is_empty(), "llama.cpp has ended");
        let answered = answered(&serde_json::from_str(&said)?)?;
        ensure!(answered.answers.len() == requests.len(), "{said}");
        Ok(answered)
    }
}

impl Drop for LlamaCpp {
    fn drop(&mut self) {
        // It ends when its input does; should it not, here it does.
        drop(self.child.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn line(Request { prompt, tokens, after }: &Request) -> Value {
    json!({ "prompt": prompt, "tokens": tokens, "after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX) })
}

fn answered(said: &Value) -> Result<Answered> {
    let answers = said.get("answers").and_then(Value::as_array).context("no answers")?;
    let elapsed = said.get("elapsed_ms").and_then(Value::as_f64).context("no elapsed_ms")?;
    let answers = answers.iter().map(answer).collect::<Result<_>>()?;
    Ok(Answered { answers, elapsed: Duration::from_secs_f64(elapsed / 1000.0) })
}

fn answer(said: &Value) -> Result<Answer> {
    let prompt = said.get("prompt_tokens").and_then(Value::as_u64).context("no prompt_tokens")?;
    let times = said.get("tokens_ms").and_then(Value::as_array).context("no tokens_ms")?;
    let time = |time: &Value| time.as_f64().map(|millis| Duration::from_secs_f64(millis / 1000.0));
    let came: Vec<_> = times.iter().filter_map(time).collect();
    Ok(Answer::new(prompt, came.len() as u64, &came))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_read() {
        let said = json!({
            "answers": [{ "prompt_tokens": 4, "tokens_ms": [20.0, 30.0, 45.0] }],
            "elapsed_ms": 46.0,
        });
        let Answered { answers, elapsed } = answered(&said).unwrap();
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((answer.prompt_tokens, answer.tokens), (4, 3));
        assert_eq!(answer.gaps, [10, 15].map(Duration::from_millis));
        assert_eq!(elapsed, Duration::from_millis(46));
        assert_eq!(answered(&json!({ "elapsed_ms": 1.0 })).unwrap_err().to_string(), "no answers");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = LlamaCpp::start(Path::new("/none"), Path::new("m"), 1, 1).err().unwrap();
        assert_eq!(error.to_string(), "/none does not start");
    }
}
