//! Holds the source to its floors: what a module may use of ours, and what it must not contain. Reads text, not syntax:
//! comments and tests at the end of a file are left out.

use std::fmt;
use std::fs;
use std::path::Path;

/// One floor: the modules on it, what of ours they may use besides themselves, and what they must not contain.
struct Floor {
    modules: &'static [&'static str],
    may_use: &'static [&'static str],
    must_not_contain: &'static [&'static str],
    /// Files and folders to which the last column does not apply.
    except: &'static [&'static str],
}

const EVERYTHING: &str = "";
const CLOCKS: &[&str] = &["SystemTime", "Timestamp::now", "std::time::Instant", "Zoned::now"];

/// The first floor that has a module of a file is the file's.
const FLOORS: &[Floor] = &[
    Floor {
        modules: &["sim"],
        may_use: &[],
        must_not_contain: &[
            "SystemTime",
            "Timestamp::now",
            "std::time::Instant",
            "Zoned::now",
            "TcpListener",
            "TcpStream",
            "kube",
            "reqwest",
            "schemars",
        ],
        except: &["src/sim/serve.rs", "src/sim/serve/"],
    },
    Floor {
        modules: &["api"],
        may_use: &[],
        must_not_contain: &[
            "kube::Client",
            "kube::Api",
            "kube::client",
            "tokio",
            "reqwest",
            "bdb",
            "\"/v1",
        ],
        except: &[],
    },
    Floor {
        modules: &["rest::model", "rest::route", "rest::error"],
        may_use: &["rest::model", "rest::route", "rest::error"],
        must_not_contain: &[
            "async",
            "await",
            "tokio",
            "tower",
            "hyper",
            "reqwest",
            "kube",
            "k8s_openapi",
            "TcpStream",
            "ToSocketAddrs",
            "std::fs",
        ],
        except: &[],
    },
    Floor {
        modules: &["plan"],
        may_use: &["api", "rest::model"],
        must_not_contain: &[
            "async",
            "await",
            "tokio",
            "tower",
            "hyper",
            "reqwest",
            "kube::Client",
            "kube::Api",
            "SystemTime",
            "Timestamp::now",
            "Instant",
            "Zoned::now",
            "rand",
            "std::env",
            "std::fs",
            "TcpStream",
            "ToSocketAddrs",
        ],
        except: &[],
    },
    Floor {
        modules: &["report"],
        may_use: &["api", "plan", "rest::error"],
        must_not_contain: &[
            "async",
            "await",
            "tokio",
            "tower",
            "hyper",
            "reqwest",
            "kube::Client",
            "kube::Api",
            "SystemTime",
            "Timestamp::now",
            "Instant",
            "Zoned::now",
            "rand",
            "std::env",
            "std::fs",
            "TcpStream",
            "ToSocketAddrs",
        ],
        except: &[],
    },
    Floor {
        modules: &["rest"],
        may_use: &["rest"],
        must_not_contain: &[
            "kube",
            "k8s_openapi",
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
        ],
        except: &[],
    },
    Floor {
        modules: &["engine"],
        may_use: &["api", "rest", "plan"],
        must_not_contain: &[
            "kube::Client",
            "kube::Api",
            "kube::client",
            "k8s_openapi",
            "Condition",
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
            "\"/v1",
        ],
        except: &[],
    },
    Floor {
        modules: &["operator"],
        may_use: &["api", "rest", "plan", "report", "engine", "operator"],
        must_not_contain: &[
            "\"/v1",
            "\"Ready\"",
            "\"Synced\"",
            "\"Reconciling\"",
            "\"Stalled\"",
            "Drift",
        ],
        except: &[],
    },
    Floor {
        modules: &["cli"],
        may_use: &[
            "api", "rest", "plan", "report", "engine", "operator", "sim", "cli",
        ],
        must_not_contain: &["\"/v1", "Hold {", "Wait {", "operator::run"],
        except: &["src/cli/run.rs"],
    },
    Floor {
        modules: &["lib", "main", "bin"],
        may_use: &[EVERYTHING],
        must_not_contain: &["impl ", "match "],
        except: &[],
    },
];

/// A line that its floor forbids.
#[derive(Debug, PartialEq)]
struct Violation {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Everything that `text`, the content of `file` (as `src/plan/mod.rs`), does against its floor.
fn check(file: &str, text: &str) -> Vec<Violation> {
    let module = module_of(file);
    let Some(floor) = FLOORS
        .iter()
        .find(|floor| floor.modules.iter().any(|floor| within(&module, floor)))
    else {
        return vec![Violation {
            file: file.into(),
            line: 1,
            what: "belongs to no floor".into(),
        }];
    };
    let mut found = Vec::new();
    for (number, line) in code(text) {
        let mut tell = |what: String| {
            found.push(Violation {
                file: file.into(),
                line: number,
                what,
            })
        };
        for path in paths(line, &module) {
            let allowed = |other: &&str| within(&path, other) || other.is_empty();
            if !floor.modules.iter().chain(floor.may_use).any(allowed) {
                tell(format!("`{module}` may not use `{path}`"));
            }
        }
        if line.contains("crate::{") {
            tell("one `use` line for each name, so that floors can be read".into());
        }
        let excepted = |except: &&str| file == *except || except.ends_with('/') && file.starts_with(except);
        if floor.except.iter().any(excepted) {
            continue;
        }
        for word in floor.must_not_contain.iter().filter(|word| contains(line, word)) {
            tell(format!("`{module}` must not contain `{word}`"));
        }
    }
    found
}

/// `src/plan/cluster/mod.rs` is `plan::cluster`.
fn module_of(file: &str) -> String {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.trim_end_matches("/mod").replace('/', "::")
}

/// Whether `module` is `other` or inside it.
fn within(module: &str, other: &str) -> bool {
    module
        .strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Numbered lines without comments, up to the tests at the end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .map(|(number, line)| (number, without_comment(line)))
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split(" // ").next().unwrap_or(line)
}

/// The modules of ours that a line names, two segments deep.
fn paths(line: &str, module: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if !line[..at].ends_with(|before: char| before == '$' || before == '_' || before.is_alphanumeric()) {
            found.push(two_segments(&line[at + "crate::".len()..]));
        }
    }
    if let Some(rest) = line.trim_start().strip_prefix("use super::") {
        let mut parents: Vec<&str> = module.split("::").collect();
        parents.pop();
        let mut rest = rest;
        while let Some(further) = rest.strip_prefix("super::") {
            parents.pop();
            rest = further;
        }
        if parents.is_empty() {
            found.push(two_segments(rest));
        }
    }
    found.retain(|path| !path.is_empty());
    found
}

fn two_segments(path: &str) -> String {
    let ident = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let first = ident(path);
    match path[first.len()..].strip_prefix("::").map(ident) {
        Some(second) if !second.is_empty() => format!("{first}::{second}"),
        _ => first,
    }
}

/// Whether a word stands in a line by itself.
fn contains(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (
            line[..at].chars().next_back(),
            line[at + word.len()..].chars().next(),
        );
        let open = |edge: Option<char>, neighbour: Option<char>| {
            !(edge.is_some_and(part) && neighbour.is_some_and(part))
        };
        open(word.chars().next(), before) && open(word.chars().next_back(), after)
    })
}

/// Every source file with its content, tests of their own left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.contains("/tests/") {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_module_keeps_to_its_floor() {
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|(file, text)| check(file, text))
        .map(|violation| violation.to_string())
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_planted_use_is_found_on_every_floor() {
    let all = [
        "sim",
        "api",
        "rest::model",
        "rest::client",
        "plan",
        "report",
        "engine",
        "operator",
        "cli",
    ];
    for floor in FLOORS.iter().filter(|floor| !floor.may_use.contains(&EVERYTHING)) {
        let module = floor.modules[0];
        let file = format!("src/{}/planted.rs", module.replace("::", "/"));
        let mine: Vec<&&str> = floor.modules.iter().chain(floor.may_use).collect();
        for other in all
            .into_iter()
            .filter(|other| !mine.iter().any(|mine| within(other, mine)))
        {
            let text = format!("//! Planted.\n\nuse crate::{other}::Thing;\n");
            let found = check(&file, &text);
            assert_eq!(found.len(), 1, "{module} uses {other}: {found:?}");
            assert_eq!((found[0].file.as_str(), found[0].line), (file.as_str(), 3));
        }
    }
}

#[test]
fn a_planted_word_is_found_on_every_floor() {
    for floor in FLOORS {
        let module = floor.modules[0];
        let file = format!("src/{}/planted.rs", module.replace("::", "/"));
        for word in floor.must_not_contain {
            let found = check(
                &file,
                &format!("//! Planted.\nfn planted() {{\n    let _ = {word};\n}}\n"),
            );
            assert_eq!(found.len(), 1, "{module} contains {word}: {found:?}");
            assert_eq!((found[0].file.as_str(), found[0].line), (file.as_str(), 3));
        }
    }
}

#[test]
fn words_count_in_code_only() {
    let text = "//! async\n/// tokio\nfn asynchronous() {} // await\n#[cfg(test)]\nmod tests {\n    use tokio::test;\n}\n";
    assert_eq!(check("src/plan/planted.rs", text), []);
}

#[test]
fn groups_and_parents_are_no_way_around() {
    for line in ["use crate::{api, engine};", "use super::engine::Thing;"] {
        assert_eq!(check("src/plan/mod.rs", &format!("{line}\n")).len(), 1, "{line}");
    }
    assert_eq!(
        check("src/plan/planted.rs", "use super::super::engine::Thing;\n").len(),
        1
    );
    assert_eq!(check("src/attic/mod.rs", "").len(), 1);
}

#[test]
fn no_floor_reads_the_clock_but_those_that_may() {
    for floor in FLOORS
        .iter()
        .filter(|floor| ["sim", "plan", "report", "engine"].contains(&floor.modules[0]))
    {
        for word in CLOCKS.iter().filter(|word| **word != "std::time::Instant") {
            assert!(
                floor.must_not_contain.contains(word),
                "{} may read {word}",
                floor.modules[0]
            );
        }
    }
}
