//! Whether the packages import what the rules let them, read from cargo's own graph.
//!
//! Direct imports between our packages follow `rules`; what must not run inside Envoy is looked for along the whole
//! way, because a crate drags it in as surely from five steps away.

use super::none_of;
use super::rules::{NEVER_IN_WASM, Part, SDK};
use crate::layout::Layout;
use crate::packages::folder;
use anyhow::{Context, Result};
use cargo_metadata::{CrateType, Dependency, DependencyKind, Metadata, PackageId};
use std::collections::BTreeMap;

/// One of our packages.
#[derive(Debug)]
struct Member {
    id: String,
    folder: String,
    part: Part,
    /// Direct dependencies of every kind.
    imports: Vec<Import>,
}

/// What a package imports.
#[derive(Debug)]
struct Import {
    name: String,
    in_tests: bool,
}

/// Names of all packages, and what each links in.
#[derive(Debug, Default)]
struct Graph {
    names: BTreeMap<String, String>,
    linked: BTreeMap<String, Vec<String>>,
}

pub(super) fn check(layout: &Layout, metadata: &Metadata) -> Result<bool> {
    let members = members(layout, metadata)?;
    none_of(&findings(&members, &graph(metadata)?)).map(|()| true)
}

fn findings(members: &[Member], graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members {
        if member.part == Part::Unknown {
            findings.push(format!("{} is in no part of the house that the rules know", member.folder));
            continue;
        }
        findings.extend(wrong_imports(member, members, graph));
        if member.part.is_wasm() {
            findings.extend(NEVER_IN_WASM.iter().filter_map(|banned| {
                let way = graph.way(&member.id, banned)?;
                Some(format!("{} runs in Envoy and reaches {banned}: {}", member.folder, way.join(" → ")))
            }));
        }
    }
    findings
}

fn wrong_imports(member: &Member, members: &[Member], graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for Import { name, in_tests } in &member.imports {
        let of_that_name = |other: &&Member| graph.names.get(&other.id) == Some(name);
        if let Some(other) = members.iter().find(of_that_name)
            && !member.part.allows(other.part, &other.folder, *in_tests)
        {
            findings.push(format!("{} may not import {}", member.folder, other.folder));
        }
        if name == SDK && !member.part.may_know_the_sdk() {
            findings.push(format!("{} may not import {SDK}: only filters know it", member.folder));
        }
    }
    findings
}

impl Graph {
    /// The first way from one package to another, by name; breadth first, so a shortest one.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(from, None)]);
        let mut line = std::collections::VecDeque::from([from]);
        while let Some(id) = line.pop_front() {
            if self.name(id) == to {
                let mut way = vec![self.name(id)];
                let mut at = id;
                while let Some(Some(before)) = came_from.get(at) {
                    at = before;
                    way.push(self.name(at));
                }
                way.reverse();
                return Some(way);
            }
            for next in self.linked.get(id).into_iter().flatten() {
                if !came_from.contains_key(next.as_str()) {
                    came_from.insert(next, Some(id));
                    line.push_back(next);
                }
            }
        }
        None
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

fn members(layout: &Layout, metadata: &Metadata) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = folder(layout, package).and_then(|folder| folder.to_str());
        let folder = folder.with_context(|| format!("{} lies outside the workspace", package.name))?;
        let is_module = package.targets.iter().any(|target| target.crate_types.contains(&CrateType::CDyLib));
        members.push(Member {
            id: package.id.to_string(),
            folder: folder.to_owned(),
            part: Part::of(folder, is_module),
            imports: package.dependencies.iter().map(import).collect(),
        });
    }
    Ok(members)
}

fn import(dependency: &Dependency) -> Import {
    let in_tests = dependency.kind == DependencyKind::Development;
    Import { name: dependency.name.clone(), in_tests }
}

fn graph(metadata: &Metadata) -> Result<Graph> {
    let mut graph = Graph::default();
    for package in &metadata.packages {
        graph.names.insert(package.id.to_string(), package.name.to_string());
    }
    let resolve = metadata.resolve.as_ref().context("cargo metadata holds no graph")?;
    for node in &resolve.nodes {
        let linked =
            node.deps.iter().filter(|dependency| is_linked(dependency)).map(|dependency| &dependency.pkg);
        graph.linked.insert(node.id.to_string(), linked.map(PackageId::to_string).collect());
    }
    Ok(graph)
}

/// Neither for tests only, nor run at build time only, nor for systems that no Envoy runs on.
fn is_linked(dependency: &cargo_metadata::NodeDep) -> bool {
    dependency.dep_kinds.iter().any(|kind| {
        let foreign = kind.target.as_ref().is_some_and(|target| target.to_string().contains("windows"));
        kind.kind == DependencyKind::Normal && !foreign
    })
}

#[cfg(test)]
mod tests;
