//! The connection: one, shared by everything, made in the background.

use super::config::{RedisConfig, RedisMode};
use super::fault::fault;
use crate::Fault;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisFuture, Value};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// How long connecting may take: more than a lookup, because nobody waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A connection that many use at the same time, and that makes itself anew where it breaks.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Single(ConnectionManager),
    /// To all nodes.
    Cluster(ClusterConnection),
}

/// The connection, once there is one.
#[derive(Debug)]
pub struct Connections {
    current: watch::Receiver<Option<Connection>>,
    stalled: Arc<Notify>,
}

impl Connections {
    /// Connects in the background, for as long as that takes.
    ///
    /// # Errors
    /// When the configuration makes no sense.
    pub fn start(config: &RedisConfig) -> anyhow::Result<Self> {
        config.check()?;
        let connector = Connector::new(config)?;
        let (sender, current) = watch::channel(None);
        let stalled = Arc::new(Notify::new());
        let told = Arc::clone(&stalled);
        tokio::spawn(async move {
            while let Some(connection) = connector.connect(&sender).await {
                sender.send_replace(Some(connection));
                tokio::select! {
                    () = told.notified() => tracing::warn!("the connection to Redis stalls, and is made anew"),
                    () = sender.closed() => break,
                }
            }
        });
        Ok(Self { current, stalled })
    }

    /// Has the connection made anew, since nothing comes back on it. That of a cluster repairs itself where a node is gone; but
    /// when one went under many requests it was seen to answer none any more, of the nodes that were there either, well after
    /// a replica had taken over. Why is not certain: the library seems to wait for itself.
    pub fn renew(&self) {
        self.stalled.notify_one();
    }

    /// Waits for the connection; for how long is for who asks to say.
    ///
    /// # Errors
    /// When there will be none.
    pub async fn get(&self) -> Result<Connection, Fault> {
        let mut current = self.current.clone();
        let connection = current.wait_for(Option::is_some).await.map_err(|_| Fault::Connection)?;
        connection.clone().ok_or(Fault::Connection)
    }
}

enum Connector {
    Single(Client, ConnectionManagerConfig),
    Cluster(ClusterClient),
}

impl Connector {
    fn new(config: &RedisConfig) -> anyhow::Result<Self> {
        // A lookup that nobody waits for any more does not occupy the connection for ever.
        let response_timeout = config.timeout.max(CONNECT_TIMEOUT);
        let mut infos = config.urls.iter().map(|url| info(config, url));
        if config.mode == RedisMode::Cluster {
            let mut builder = ClusterClientBuilder::new(infos.collect::<Result<Vec<_>, _>>()?)
                .connection_timeout(CONNECT_TIMEOUT)
                .response_timeout(response_timeout)
                .overall_response_timeout(Some(response_timeout));
            if let Some(user) = &config.user {
                builder = builder.username(user);
            }
            if let Some(password) = &config.password {
                builder = builder.password(password);
            }
            return Ok(Self::Cluster(builder.build()?));
        }
        let info = infos.next().ok_or_else(|| anyhow::anyhow!("--redis-url names no server"))??;
        let manager = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(response_timeout))
            .set_max_delay(AGAIN);
        Ok(Self::Single(Client::open(info)?, manager))
    }

    /// Tries until it is connected, or until nobody is there any more.
    async fn connect(&self, nobody: &watch::Sender<Option<Connection>>) -> Option<Connection> {
        let mut was_told = false;
        while !nobody.is_closed() {
            let connected = match self {
                Self::Single(client, config) => {
                    ConnectionManager::new_with_config(client.clone(), config.clone())
                        .await
                        .map(Connection::Single)
                }
                Self::Cluster(client) => client.get_async_connection().await.map(Connection::Cluster),
            };
            match connected {
                Ok(connection) => return Some(connection),
                Err(error) if !std::mem::replace(&mut was_told, true) => {
                    tracing::warn!(reason = fault(&error).as_str(), "there is no connection to Redis yet");
                }
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
        None
    }
}

fn info(config: &RedisConfig, url: &str) -> redis::RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let mut settings = info.redis_settings().clone();
    if let Some(user) = &config.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &config.password {
        settings = settings.set_password(password);
    }
    Ok(info.set_redis_settings(settings))
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(..)")
    }
}
