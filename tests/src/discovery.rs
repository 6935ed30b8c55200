//! Listeners and endpoints from files that change while Envoy runs: its file-based LDS and EDS.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Which parts of the configuration come from files, and where those are.
#[derive(Debug)]
pub struct Discovery {
    folder: PathBuf,
    version: AtomicU64,
}

impl Discovery {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), version: AtomicU64::new(0) }
    }

    /// Moves the listeners out of the configuration into the file of LDS.
    pub(crate) fn take_listeners(&self, config: &mut Value) {
        let listeners = config["static_resources"]["listeners"].take();
        self.set_listeners(listeners.as_array().unwrap());
        config["static_resources"].as_object_mut().unwrap().remove("listeners");
        config["dynamic_resources"]["lds_config"] = self.source("lds.json");
    }

    /// Moves a cluster's endpoints out of the configuration into the file of EDS.
    pub(crate) fn take_endpoints(&self, config: &mut Value, cluster: &str, endpoints: &[SocketAddr]) {
        self.set_endpoints(cluster, endpoints);
        let clusters = config["static_resources"]["clusters"].as_array_mut().unwrap();
        let found = clusters.iter_mut().find(|one| one["name"] == cluster).unwrap();
        found["type"] = json!("EDS");
        found["eds_cluster_config"] = json!({ "eds_config": self.source("eds.json") });
        found.as_object_mut().unwrap().remove("load_assignment");
    }

    /// Replaces the listeners.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn set_listeners(&self, listeners: &[Value]) {
        self.write("lds.json", "type.googleapis.com/envoy.config.listener.v3.Listener", listeners);
    }

    /// Replaces a cluster's endpoints.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub fn set_endpoints(&self, cluster: &str, endpoints: &[SocketAddr]) {
        let endpoint = |address: &SocketAddr| {
            let socket = json!({ "address": address.ip().to_string(), "port_value": address.port() });
            json!({ "endpoint": { "address": { "socket_address": socket } } })
        };
        let endpoints: Vec<_> = endpoints.iter().map(endpoint).collect();
        let assignment = json!({ "cluster_name": cluster, "endpoints": [{ "lb_endpoints": endpoints }] });
        self.write(
            "eds.json",
            "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            &[assignment],
        );
    }

    fn source(&self, file: &str) -> Value {
        json!({ "path_config_source": { "path": self.folder.join(file) }, "resource_api_version": "V3" })
    }

    /// Envoy reads the file when another one is moved onto its name.
    fn write(&self, file: &str, kind: &str, resources: &[Value]) {
        let typed = resources.iter().map(|resource| {
            let mut resource = resource.clone();
            resource["@type"] = json!(kind);
            resource
        });
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        let answer = json!({ "version_info": version.to_string(), "resources": typed.collect::<Vec<_>>() });
        let new = self.folder.join(format!("{file}.{version}"));
        fs::write(&new, answer.to_string()).unwrap();
        fs::rename(&new, self.folder.join(file)).unwrap();
    }
}
