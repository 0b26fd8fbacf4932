//! The guides: every link inside the repository leads somewhere, and every guide is found from the README.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The guides, and every README.
fn documents(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "data", "node_modules"].contains(&name) {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.insert(path);
        }
    }
}

/// The text outside of code blocks, in which brackets mean something else.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// What the links of a document lead to, as they are written.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// The names by which the headings of a document are linked.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let plain = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = plain.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

/// The file that a link of this document leads to, and the heading in it; none for what is outside the repository.
fn target(document: &Path, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let path = if file.is_empty() { document.to_owned() } else { document.parent().unwrap().join(file) };
    Some((path, heading.map(str::to_owned)))
}

fn broken(document: &Path, link: &str) -> Option<String> {
    let (path, heading) = target(document, link)?;
    let told = || Some(format!("{}: {link}", document.display()));
    if !path.exists() {
        return told();
    }
    let heading = heading.filter(|_| path.extension().is_some_and(|extension| extension == "md"))?;
    if anchors(&fs::read_to_string(path).unwrap()).contains(&heading) { None } else { told() }
}

#[test]
fn every_link_inside_the_repository_leads_somewhere() {
    let mut all = BTreeSet::new();
    documents(&root(), &mut all);
    let mut tried = 0;
    let mut wrong = Vec::new();
    for document in &all {
        for link in links(&fs::read_to_string(document).unwrap()) {
            tried += 1;
            wrong.extend(broken(document, &link));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(tried > 30, "only {tried} links were found");
}

#[test]
fn every_guide_is_found_from_the_readme() {
    let root = root();
    let mut open = VecDeque::from([root.join("README.md")]);
    let mut reached = BTreeSet::new();
    while let Some(document) = open.pop_front() {
        if !reached.insert(document.clone()) {
            continue;
        }
        let text = fs::read_to_string(&document).unwrap();
        let next = links(&text).into_iter().filter_map(|link| target(&document, &link));
        let next = next.filter_map(|(path, _)| path.canonicalize().ok());
        open.extend(next.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    let mut guides = BTreeSet::new();
    documents(&root.join("docs"), &mut guides);
    let lost: Vec<_> = guides.difference(&reached).collect();
    assert!(lost.is_empty(), "nothing leads to {lost:#?}");
}

#[test]
fn a_link_to_nowhere_is_seen() {
    let readme = root().join("README.md");
    assert!(broken(&readme, "docs/no-such-guide.md").is_some());
    assert!(broken(&readme, "docs/configuration.md#no-such-heading").is_some());
    assert!(broken(&readme, "docs/configuration.md#first-start").is_none());
    assert_eq!(links("a [b](c.md) `d` [e](f.md#g \"h\")\n```\n[i](j)\n```"), ["c.md", "f.md#g"]);
}
