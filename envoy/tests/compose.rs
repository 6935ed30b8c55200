//! `docker-compose.yml` and the images that it builds, as far as they can be checked without an engine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use serde_json::{Value, json};
use spillway_envoy::read;

fn file(path: &str) -> String {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    read(&file("docker-compose.yml")).unwrap()
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().unwrap().iter()
}

/// The stages of a Dockerfile: what each is made from, and its name.
fn stages(text: &str) -> Vec<(&str, &str)> {
    let from = text.lines().filter_map(|line| line.strip_prefix("FROM "));
    from.map(|line| line.split_once(" AS ").unwrap_or_else(|| panic!("a stage has a name: {line}"))).collect()
}

#[test]
fn every_service_is_confined_watched_and_bounded() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert_eq!(service["read_only"], json!(true), "{name}: read_only");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}: cap_drop");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}: security_opt");
        assert_eq!(service["restart"], json!("unless-stopped"), "{name}: restart");
        assert_eq!(service["healthcheck"]["test"][1], json!("ready"), "{name}: healthcheck");
        for limit in ["cpus", "memory", "pids"] {
            assert!(!service["deploy"]["resources"]["limits"][limit].is_null(), "{name}: limit of {limit}");
        }
        for forbidden in ["privileged", "pid", "ipc", "cap_add", "user"] {
            assert!(service[forbidden].is_null(), "{name}: {forbidden}");
        }
        // On Envoy's loopback, and in nobody else's reach.
        let network = if name == "cache-tier" { json!("service:envoy") } else { Value::Null };
        assert_eq!(service["network_mode"], network, "{name}: network_mode");
        let volumes = service["volumes"].as_array().map_or(&[][..], Vec::as_slice);
        for volume in volumes.iter().map(|volume| volume.as_str().unwrap()) {
            assert!(!volume.starts_with(['/', '.', '~']), "{name}: {volume} is a folder of the host");
        }
    }
}

#[test]
fn ports_are_published_by_envoy_alone_and_on_loopback_alone() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let expected = match name.as_str() {
            "envoy" => json!(["127.0.0.1:10000:10000", "127.0.0.1:9901:9901"]),
            _ => Value::Null,
        };
        assert_eq!(service["ports"], expected, "{name}");
    }
    assert_eq!(compose["networks"]["workers"]["internal"], json!(true));
}

#[test]
fn every_worker_that_envoy_names_is_a_service_that_it_waits_for() {
    let compose = compose();
    let envoy = file("envoy/docker.yaml");
    let named = |name: &str| envoy.contains(&format!("address: {name}, port_value: 8001"));
    let workers: Vec<_> =
        services(&compose).map(|(name, _)| name).filter(|name| name.starts_with("worker-")).collect();
    assert_eq!(workers, ["worker-1", "worker-2", "worker-3"]);
    for worker in workers {
        assert!(named(worker), "{worker} is not in envoy/docker.yaml");
        let depends = &compose["services"]["envoy"]["depends_on"][worker];
        assert_eq!(*depends, json!({ "condition": "service_healthy" }), "{worker}");
    }
    assert!(!named("worker-4"), "envoy/docker.yaml names more workers than there are");
}

#[test]
fn images_are_pinned_and_run_without_root() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let expected = format!(":{}", env!("CARGO_PKG_VERSION"));
        let image = service["image"].as_str().unwrap();
        assert!(image.starts_with("spillway/") && image.ends_with(&expected), "{name}: {image}");
        assert_eq!(service["pull_policy"], json!("build"), "{name}: a registry may have its own {image}");
        let dockerfile = service["build"]["dockerfile"].as_str().unwrap();
        let text = file(dockerfile);
        for (image, stage) in stages(&text) {
            let (_, tag) =
                image.split_once(':').unwrap_or_else(|| panic!("{dockerfile}: {image} has no tag"));
            let exact = tag.trim_start_matches('v').split(['-', '@']).next().unwrap();
            let parts = exact.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
            assert!(parts >= 2, "{dockerfile}: {stage} is not pinned: {image}");
        }
        let last = text.rsplit("\nFROM ").next().unwrap();
        let user = last.lines().find_map(|line| line.strip_prefix("USER ")).unwrap_or("0:0");
        assert!(
            user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
            "{dockerfile}: USER {user}"
        );
    }
    assert!(file("deploy/docker/envoy.Dockerfile").contains("FROM envoyproxy/envoy:v1.40.0 AS envoy"));
}

#[test]
fn what_an_image_copies_from_here_exists() {
    for dockerfile in ["envoy", "worker", "cache-tier"].map(|name| format!("deploy/docker/{name}.Dockerfile"))
    {
        let text = file(&dockerfile);
        let copies = text
            .lines()
            .filter_map(|line| line.strip_prefix("COPY "))
            .filter(|line| !line.contains("--from="));
        for line in copies {
            let words: Vec<_> = line.split_whitespace().filter(|word| !word.starts_with("--")).collect();
            for source in words.split_last().unwrap().1 {
                let path = format!("{}/../{source}", env!("CARGO_MANIFEST_DIR"));
                assert!(std::path::Path::new(&path).exists(), "{dockerfile}: {source}");
            }
        }
    }
}

#[test]
fn every_filter_that_envoy_loads_is_in_the_image() {
    let dockerfile = file("deploy/docker/envoy.Dockerfile");
    let envoy = file("envoy/docker.yaml");
    let loaded: Vec<_> = envoy.split("/etc/spillway/filters/").skip(1).collect();
    assert!(!loaded.is_empty(), "no filter in envoy/docker.yaml");
    for filter in loaded.iter().filter_map(|rest| rest.split([' ', '"']).next()) {
        let copied = dockerfile.contains(&format!(" /target/filters/{filter}"));
        assert!(copied, "{filter} is not in the image");
    }
}

/// Two places fetch the models; whoever changes one finds the other here.
#[test]
fn the_models_are_those_that_setup_fetches() {
    let setup = ["model", "embedding_model"].map(|name| file(&format!("xtask/src/setup/{name}.rs")));
    let is_said = |what: &str| setup.iter().any(|text| text.contains(&format!("\"{what}\"")));
    let said = |what: &str| assert!(is_said(what), "xtask/src/setup does not say {what}");
    let requirements = file("deploy/docker/model.requirements.txt");
    let requirements: Vec<_> = requirements.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(requirements.len(), setup.len());
    for requirement in requirements {
        let (name, rest) = requirement.split_once("==").unwrap();
        let (version, hash) = rest.split_once(" --hash=sha256:").unwrap();
        [name, version, hash].into_iter().for_each(said);
    }
    let sums = file("deploy/docker/model.sha256");
    let sums: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap()).collect();
    let members: usize = setup.iter().map(|text| text.matches("sha256: \"").count()).sum();
    assert_eq!(sums.len(), members, "every file is checked in both places");
    let dockerfile = file("deploy/docker/worker.Dockerfile");
    for (digest, member) in sums {
        [digest, member].into_iter().for_each(said);
        let name = member.split_once("/model/").map_or(member, |(_, name)| name);
        assert!(dockerfile.contains(name), "{name} is not in the image");
    }
    for place in ["smollm2-135m-instruct-q4_1.gguf", "all-minilm-l6-v2"] {
        said(place);
        assert!(dockerfile.contains(&format!("/usr/share/spillway/models/{place}\"")));
    }
}
