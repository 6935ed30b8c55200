//! What a person reads when all is ready.

use super::ports::Ports;
use super::state::down_command;
use crate::say;
use std::path::Path;

/// How what runs is ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    CtrlC,
    /// By `down`, with this port base.
    Down(u16),
}

pub(super) fn print(ports: &Ports, folder: &Path, end: End) {
    let Ports { api, admin, cache_tier, workers } = ports;
    let workers: Vec<String> = workers.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    let end = match end {
        End::CtrlC => "Ctrl-C ends it.".to_owned(),
        End::Down(base) => format!("`{}` ends it.", down_command(base)),
    };
    say::line(format_args!(
        "
ready
  API      http://127.0.0.1:{api}/v1
  admin    http://127.0.0.1:{admin}
  cache    http://127.0.0.1:{cache_tier}
  workers  {}
  logs     {}

  curl -s http://127.0.0.1:{api}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{\"model\":\"smollm2-135m-instruct\",\"messages\":[{{\"role\":\"user\",\"content\":\"Say hello.\"}}]}}'
  curl -s http://127.0.0.1:{api}/v1/embeddings -H 'content-type: application/json' \\
    -d '{{\"model\":\"all-minilm-l6-v2\",\"input\":\"a cat sits on the mat\"}}'

{end}",
        workers.join("  "),
        folder.display()
    ));
}
