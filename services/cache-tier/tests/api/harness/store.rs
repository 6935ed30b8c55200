//! An object store that speaks S3: a stand-in as a process, or the one that the environment names.
//!
//! `SPILLWAY_S3_ENDPOINT` names another one, whose access key is in the file `SPILLWAY_S3_CREDENTIALS` and whose bucket
//! is `spillway-test`: so the same tests run on Ceph.

use super::eventually;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BUCKET: &str = "spillway-test";

/// The stand-in's secret key, which it does not look at.
pub(crate) const SECRET: &str = "MARKER-0815";

/// A store, and a part of it that no other test touches.
pub(crate) struct ObjectStoreServer {
    address: SocketAddr,
    child: Option<Child>,
    credentials: PathBuf,
    prefix: String,
    runtime: Runtime,
    dir: TempDir,
}

impl ObjectStoreServer {
    pub(crate) fn start() -> Self {
        match std::env::var("SPILLWAY_S3_ENDPOINT") {
            Ok(endpoint) => {
                let address = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
                let credentials = std::env::var_os("SPILLWAY_S3_CREDENTIALS").unwrap();
                Self::at(address, Some(credentials.into()))
            }
            Err(_) => {
                let mut store = Self::prepare();
                store.run();
                store
            }
        }
    }

    /// A stand-in, but for its process.
    pub(crate) fn prepare() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(), None)
    }

    /// A store at that address, perhaps with credentials of its own.
    pub(crate) fn at(address: SocketAddr, credentials: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let prefix = dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credentials = credentials.unwrap_or_else(|| {
            let file = dir.path().join("credentials");
            std::fs::write(&file, format!("aws_access_key_id = test\naws_secret_access_key = {SECRET}\n"))
                .unwrap();
            file
        });
        Self { address, child: None, credentials, prefix, runtime, dir }
    }

    pub(crate) fn run(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(program());
        command.args(["-H", "127.0.0.1", "-p"]).arg(self.address.port().to_string());
        self.child = Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
        eventually("the store answers", || self.make_bucket().is_ok_and(|status| status == "200"));
    }

    fn make_bucket(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        let head = format!("PUT /{BUCKET} HTTP/1.0\r\nhost: {}\r\ncontent-length: 0\r\n\r\n", self.address);
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The options of a cache tier that uses it, perhaps through something that listens elsewhere.
    pub(crate) fn options(&self, address: SocketAddr) -> Vec<String> {
        let endpoint = format!("http://{address}");
        let credentials = self.credentials.to_str().unwrap();
        let options = [
            ("--store-bucket", BUCKET),
            ("--store-endpoint", &endpoint),
            ("--store-credentials-file", credentials),
            ("--store-prefix", &self.prefix),
            ("--store-purges-ms", "100"),
            ("--store-timeout-ms", "2000"),
        ];
        options.into_iter().flat_map(|(option, value)| [option.to_owned(), value.to_owned()]).collect()
    }

    fn client(&self) -> AmazonS3 {
        let text = std::fs::read_to_string(&self.credentials).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches([' ', '=']).to_owned()
        };
        AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_region("us-east-1")
            .with_endpoint(format!("http://{}", self.address))
            .with_access_key_id(value("aws_access_key_id"))
            .with_secret_access_key(value("aws_secret_access_key"))
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .build()
            .unwrap()
    }

    /// The names of the objects of that kind: `entries` or `marks`.
    pub(crate) fn objects(&self, kind: &str) -> Vec<Path> {
        let below = Path::from(format!("{}/{kind}", self.prefix));
        let list = self.client();
        self.runtime.block_on(list.list(Some(&below)).map_ok(|object| object.location).try_collect()).unwrap()
    }

    pub(crate) fn read(&self, object: &Path) -> Vec<u8> {
        let client = self.client();
        self.runtime.block_on(async { client.get(object).await.unwrap().bytes().await.unwrap().to_vec() })
    }

    pub(crate) fn write(&self, object: &Path, bytes: Vec<u8>) {
        let client = self.client();
        self.runtime.block_on(async { client.put(object, bytes.into()).await.unwrap() });
    }
}

impl Drop for ObjectStoreServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The stand-in: what `SPILLWAY_MOTO_SERVER` names, else what `cargo xtask setup` installed beside our own program.
fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("SPILLWAY_MOTO_SERVER") {
        return named.into();
    }
    let own = PathBuf::from(super::CacheTier::program());
    let installed = own.ancestors().nth(2).unwrap().join("tools/python/bin/moto_server");
    assert!(
        installed.is_file(),
        "moto_server is missing; `cargo xtask setup` installs it, or SPILLWAY_MOTO_SERVER names it"
    );
    installed
}
