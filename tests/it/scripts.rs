//! The scripts behind `make`: what they say of a toolchain that will not do, and what they leave behind when they are
//! interrupted. The tools are played, in a `PATH` that has nothing else. And the image's recipe, as far as that goes without
//! an image.

use crate::support::started::Started;
use crate::support::started::hearing_signals;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// What the scripts take from any system.
const SYSTEM: [&str; 28] = [
    "bash",
    "cat",
    "cp",
    "cut",
    "date",
    "dirname",
    "du",
    "basename",
    "env",
    "expand",
    "find",
    "flock",
    "grep",
    "head",
    "id",
    "ln",
    "make",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "tail",
    "touch",
    "xargs",
];

/// What each tool answers when it is asked for its version, if it is there.
#[derive(Clone, Copy)]
struct Versions {
    rustc: Option<&'static str>,
    cargo: Option<&'static str>,
    cc: Option<&'static str>,
    go: Option<&'static str>,
}

const FINE: Versions = Versions {
    rustc: Some("rustc 1.95.0 (59807616e 2026-04-14)"),
    cargo: Some("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"),
    cc: Some("12"),
    go: Some("go version go1.26 linux/amd64"),
};

/// Tools in a folder of their own.
struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// `work` is what cargo and go do when they are asked for anything but a version.
    fn new(name: &str, versions: Versions, work: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("regent-tools-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let bin = folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        for tool in SYSTEM.into_iter().chain(["uname", "wc", "chmod", "tee"]) {
            let found = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(tool));
            if let Some(found) = found.iter().find(|path| path.exists()) {
                symlink(found, bin.join(tool)).unwrap();
            }
        }
        let Versions { rustc, cargo, cc, go } = versions;
        for (tool, version) in [("rustc", rustc), ("cargo", cargo), ("cc", cc), ("go", go)] {
            let Some(version) = version else { continue };
            let script = format!(
                "#!/bin/bash\ncase \"$1 ${{2:-}}\" in\n\
                 --version*|-dumpversion*|version*) echo '{version}' ;;\n\
                 'env GOVERSION') echo go1.26 ;;\n\
                 *) echo \"$(basename \"$0\") at work\"\n{work} ;;\nesac\n"
            );
            let path = bin.join(tool);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    /// A command that finds these tools and no others.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = hearing_signals(self.folder.join("bin").join(program));
        command
            .args(args)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .env("PATH", self.folder.join("bin"))
            .env("HOME", &self.folder)
            .env("XDG_CACHE_HOME", self.folder.join("cache"));
        command
    }

    /// Runs it; its exit code, and what it said.
    fn run(&self, program: &str, args: &[&str], envs: &[(&str, &str)]) -> (Option<i32>, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self
            .command(program, args)
            .envs(envs.iter().copied())
            .output()
            .unwrap();
        let said = [stdout, stderr].concat();
        (status.code(), String::from_utf8(said).unwrap())
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What `tests/toolchains.sh go` says of these.
fn judged(name: &str, versions: Versions) -> (Option<i32>, String) {
    Tools::new(name, versions, "exit 1").run("bash", &["tests/toolchains.sh", "go"], &[])
}

#[test]
fn toolchains_that_will_do_are_passed_over_in_silence() {
    assert_eq!(judged("fine", FINE), (Some(0), String::new()));
    let newer = Versions {
        rustc: Some("rustc 1.100.0-nightly (0123456 2027-01-01)"),
        cargo: Some("cargo 2.0.0"),
        cc: Some("14.2.0"),
        go: Some("go version devel go1.27-0123456 Mon Jan 4 00:00:00 2027 linux/amd64"),
    };
    assert_eq!(judged("newer", newer), (Some(0), String::new()));
}

#[test]
fn a_toolchain_that_is_missing_or_too_old_is_named_with_the_version_wanted_and_the_way_out() {
    let cases = [
        ("rustc", "1.95", "rustup", Versions { rustc: None, ..FINE }, None),
        (
            "rustc",
            "1.95",
            "rustup",
            Versions {
                rustc: Some("rustc 1.94.1 (x)"),
                ..FINE
            },
            Some("1.94.1"),
        ),
        ("cargo", "1.95", "rustup", Versions { cargo: None, ..FINE }, None),
        (
            "cargo",
            "1.95",
            "rustup",
            Versions {
                cargo: Some("cargo 1.9.0"),
                ..FINE
            },
            Some("1.9.0"),
        ),
        ("cc", "4", "apt-get install", Versions { cc: None, ..FINE }, None),
        (
            "cc",
            "4",
            "apt-get install",
            Versions {
                cc: Some("3.4"),
                ..FINE
            },
            Some("3.4"),
        ),
        ("go", "1.26", "PATH", Versions { go: None, ..FINE }, None),
        (
            "go",
            "1.26",
            "PATH",
            Versions {
                go: Some("go version go1.25.9 linux/amd64"),
                ..FINE
            },
            Some("1.25.9"),
        ),
    ];
    for (number, (tool, wanted, way_out, versions, found)) in cases.into_iter().enumerate() {
        let (code, said) = judged(&format!("bad-{number}"), versions);
        assert_eq!(code, Some(2), "{said}");
        let what = match found {
            None => format!("{tool} is missing; {wanted} or newer is wanted."),
            Some(found) => format!("{tool} {found} is too old; {wanted} or newer is wanted."),
        };
        assert!(said.starts_with(&what) && said.contains(way_out), "{said}");
        assert_eq!(said.lines().count(), 1, "nothing else is amiss: {said}");
    }
}

#[test]
fn everything_that_is_amiss_is_named_at_once() {
    let nothing = Versions {
        rustc: None,
        cargo: None,
        cc: None,
        go: None,
    };
    let (code, said) = judged("nothing", nothing);
    assert_eq!((code, said.lines().count()), (Some(2), 4), "{said}");
}

#[test]
fn make_stops_before_it_builds_anything_with_a_toolchain_that_will_not_do() {
    let old = Versions {
        go: Some("go version go1.25.9 linux/amd64"),
        ..FINE
    };
    let tools = Tools::new("make", old, "exit 1");
    for target in ["demo", "test", "gen"] {
        let (code, said) = tools.run("make", &[target], &[]);
        assert_eq!(code, Some(2), "make {target}: {said}");
        assert!(said.starts_with("go 1.25.9 is too old"), "make {target}: {said}");
        assert!(!said.contains("at work"), "make {target}: {said}");
    }
}

#[test]
fn make_builds_with_toolchains_that_will_do_and_wants_go_only_for_what_is_written_in_it() {
    let tools = Tools::new("fine-make", FINE, "exit 1");
    let (_, said) = tools.run("make", &["demo"], &[]);
    assert!(
        said.contains("cargo at work") && said.contains("go at work"),
        "{said}"
    );
    let without_go = Tools::new("without-go", Versions { go: None, ..FINE }, "exit 1");
    for (target, envs) in [
        ("lint", [].as_slice()),
        ("demo", &[("REGENT_TEST_KUBECONFIG", "some-cluster")]),
    ] {
        let (_, said) = without_go.run("make", &[target], envs);
        assert!(said.contains("cargo at work"), "make {target}: {said}");
    }
}

#[test]
fn a_second_clone_finds_what_the_first_one_built() {
    let write =
        "while [ $# -gt 0 ]; do [ \"$1\" = -o ] && echo built >\"$2\" && chmod +x \"$2\"; shift; done";
    let tools = Tools::new("cache", FINE, write);
    for tool in ["controlplane", "helm"] {
        let build = |clone: &str| {
            let out = tools.folder.join(clone).join(tool);
            let script = "tests/controlplane/build.sh";
            let (code, said) = tools.run("bash", &[script, tool, &out.display().to_string()], &[]);
            assert_eq!(code, Some(0), "{said}");
            assert_eq!(fs::read_to_string(&out).unwrap(), "built\n");
            said
        };
        let (first, second) = (build("first"), build("second"));
        assert!(first.contains("building it, once for this machine"), "{first}");
        assert_eq!(second, "", "nothing is built and nothing said");
    }
}

/// A clone with what `crates.sh` asks for, and with these files below `target/debug`.
fn clone(tools: &Tools, name: &str, files: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clone = tools.folder.join(name);
    for file in ["Cargo.toml", "Cargo.lock", "tests/crates.sh"] {
        fs::create_dir_all(clone.join("tests")).unwrap();
        fs::copy(root.join(file), clone.join(file)).unwrap();
    }
    for file in files {
        let path = clone.join("target/debug").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, *file).unwrap();
    }
    clone
}

#[test]
fn a_second_clone_takes_the_crates_of_others_and_nothing_of_this_one() {
    let others = [
        "deps/libserde-0123456789abcdef.rlib",
        "deps/serde_derive-0123456789abcdef.d",
        "build/aws-lc-sys-0123456789abcdef/out/libcrypto.a",
        ".fingerprint/serde-0123456789abcdef/lib-serde",
    ];
    let own = [
        "deps/libregent-0123456789abcdef.rlib",
        "deps/it-0123456789abcdef",
        "deps/resim-0123456789abcdef.d",
        ".fingerprint/regent-0123456789abcdef/lib-regent",
    ];
    let tools = Tools::new("crates", FINE, "exit 1");
    let run = |clone: &Path, verb: &str, envs: &[(&str, &str)]| {
        let script = clone.join("tests/crates.sh");
        let (code, said) = tools.run("bash", &[&script.display().to_string(), verb], envs);
        assert_eq!(code, Some(0), "{said}");
        said
    };
    let first = clone(&tools, "first", &[others, own].concat());
    assert_eq!(run(&first, "take", &[]), "", "there is nothing yet");
    assert!(run(&first, "keep", &[]).contains("for the next clone"));

    let second = clone(&tools, "second", &[]);
    assert_eq!(
        run(&second, "take", &[("RUSTFLAGS", "-Copt-level=3")]),
        "",
        "others"
    );
    assert!(run(&second, "take", &[]).contains("compiled ones taken"));
    for file in others {
        let path = second.join("target/debug").join(file);
        assert_eq!(fs::read_to_string(path).unwrap(), file);
    }
    for file in own {
        assert!(!second.join("target/debug").join(file).exists(), "{file}");
    }
    assert_eq!(run(&second, "take", &[]), "", "what is there stays");
}

#[test]
fn an_interrupted_build_leaves_no_process() {
    for signal in ["INT", "TERM"] {
        // Each tool has a child of its own, as compilers have.
        let tools = Tools::new(&format!("building-{signal}"), FINE, "sleep 1000");
        let build = Started::start(tools.command("bash", &["tests/demo/build.sh"]), "building");
        build.until_alive("sleep 1000", 2, LIMIT);
        build.signal(signal);
        let ended = build.end(LIMIT);
        assert_eq!(ended.left, Vec::<String>::new(), "{}", ended.said);
        let code = if signal == "INT" { 130 } else { 143 };
        assert_eq!(ended.code, Some(code), "{}", ended.said);
    }
}

#[test]
fn a_build_that_fails_leaves_no_process() {
    let tools = Tools::new(
        "failing",
        FINE,
        "[ \"${0##*/}\" = go ] && sleep 1000; sleep 1; exit 1",
    );
    let ended = Started::start(tools.command("bash", &["tests/demo/build.sh"]), "failing").end(LIMIT);
    assert_eq!(ended.left, Vec::<String>::new(), "{}", ended.said);
    assert_eq!(ended.code, Some(1), "{}", ended.said);
}

/// Folders are copied as they are.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn the_image_is_built_from_all_that_cargo_looks_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipe = fs::read_to_string(root.join("deploy/Dockerfile")).unwrap();
    let folder = std::env::temp_dir().join(format!("regent-image-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let copies = recipe.lines().filter_map(|line| line.strip_prefix("COPY "));
    for line in copies.filter(|line| !line.starts_with("--from")) {
        let mut names: Vec<&str> = line.split(' ').collect();
        let to = names.pop().unwrap();
        for name in names {
            let name_there = if to == "./" { name } else { to };
            copy(&root.join(name), &folder.join(name_there));
        }
    }
    let build = recipe.lines().find_map(|line| line.strip_prefix("RUN cargo "));
    let mut args: Vec<&str> = build.unwrap().split(' ').collect();
    assert_eq!(args.pop(), Some("regent"));
    // Cargo reads everything before it finds that there is no such binary, and compiles nothing.
    args.extend(["no-such-binary", "--offline"]);
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(&folder)
        .output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(said.contains("no bin target named `no-such-binary`"), "{said}");
    assert!(said.contains("    regent\n"), "{said}");
}
