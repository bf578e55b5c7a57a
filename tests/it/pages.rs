//! The pages keep up with the repository.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

#[test]
fn every_direct_dependency_says_why_it_is_there() {
    let manifest = read("Cargo.toml");
    let mut wanted = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || line == "[dev-dependencies]";
        } else if let Some((name, _)) = line
            .split_once(" = ")
            .filter(|(name, _)| inside && is_crate(name))
        {
            wanted.insert(name);
        }
    }
    let page = read("docs/architecture.md");
    let table = page.split("## Dependencies").nth(1).unwrap_or_default();
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let listed: BTreeSet<&str> = rows
        .flat_map(|(names, _)| names.split([',', ' ', '(', ')']))
        .filter(|name| !name.is_empty())
        .collect();
    let missing: Vec<_> = wanted.difference(&listed).collect();
    assert!(wanted.len() > 20, "the manifest was read: {wanted:?}");
    assert!(
        missing.is_empty(),
        "docs/architecture.md does not say why these are there: {missing:?}"
    );
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let local = !link.contains("://") && !file.is_empty();
            if local && !page.parent().is_some_and(|folder| folder.join(file).exists()) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn commands_that_the_pages_name_exist() {
    let makefile = read("Makefile");
    let mut unknown = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let code = text
            .split('`')
            .skip(1)
            .step_by(2)
            .chain(text.lines().filter_map(|line| line.strip_prefix("    ")));
        for target in code.filter_map(|code| code.strip_prefix("make ")?.split_whitespace().next()) {
            if !makefile.contains(&format!("\n{target}:")) {
                unknown.push(format!("{}: make {target}", page.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

fn is_crate(name: &str) -> bool {
    name.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn pages() -> Vec<PathBuf> {
    let folders = ["docs", "docs/how-to", "docs/reference"];
    let files = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let mut pages: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|found| found == "md"));
    pages.push(root().join("README.md"));
    pages
}
