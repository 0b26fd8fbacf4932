//! Names the release: the version, and the commit where one is known. It asks no network and no other program.
//!
//! `CRM_COMMIT` comes first, for builds from a copy without a repository; then the repository itself; without either, as in
//! a tarball, the version alone.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// How much of a commit's name is enough.
const DIGITS: usize = 12;

fn main() {
    println!("cargo::rerun-if-env-changed=CRM_COMMIT");
    let version = env!("CARGO_PKG_VERSION");
    let commit = variable("CRM_COMMIT").or_else(commit).filter(|name| is_commit(name));
    let release = match commit {
        Some(name) => format!("crm@{version}+{}", &name[..DIGITS]),
        None => format!("crm@{version}"),
    };
    println!("cargo::rustc-env=CRM_RELEASE={release}");
}

fn is_commit(name: &str) -> bool {
    name.len() >= DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[expect(clippy::disallowed_methods, reason = "a build script is told by variables")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The commit that the repository around this crate is at.
fn commit() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = repository(&root.join(".git"))?;
    let head = watched(&folder.join("HEAD"))?;
    let Some(name) = head.strip_prefix("ref: ") else { return Some(head) };
    // In a second working tree the branches stand in the first one's repository.
    let common = watched(&folder.join("commondir")).map_or_else(|| folder.clone(), |path| folder.join(path));
    watched(&common.join(name)).or_else(|| {
        let packed = watched(&common.join("packed-refs"))?;
        packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' ').map(str::to_owned))
    })
}

/// The folder of the repository, or where a file of that name says it is.
fn repository(place: &Path) -> Option<PathBuf> {
    if place.is_dir() {
        return Some(place.to_owned());
    }
    let text = watched(place)?;
    Some(place.parent()?.join(text.strip_prefix("gitdir: ")?))
}

/// A file's text, if there is one; the script runs again when it changes.
fn watched(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text.trim().to_owned())
}
