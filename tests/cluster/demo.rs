//! The demo as `make demo` runs it: however it ends, it says how, and leaves no process behind.

use crate::live::target;
use crate::started::Ended;
use crate::started::Started;
use crate::started::hearing_signals;
use crate::turn::turn;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

/// Long enough for a loaded machine of two cores, and for the demo to lose its own patience first.
const LIMIT: Duration = Duration::from_secs(300);

/// Starts a demo that stays up, with a control plane of its own unless `envs` give another.
fn demo(name: &str, envs: &[(&str, &str)]) -> Started {
    let program = target("controlplane");
    assert!(
        program.exists(),
        "{} is missing: run `make controlplane`",
        program.display()
    );
    let mut command = hearing_signals("bash");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/run.sh"))
        .env_remove(crate::live::controlplane::KUBECONFIG_VARIABLE)
        .env_remove("DEMO_EXIT")
        .envs(envs.iter().copied());
    Started::start(command, name)
}

#[track_caller]
fn assert_nothing_left(ended: &Ended) {
    assert_eq!(ended.left, Vec::<String>::new(), "left behind:\n{}", ended.said);
}

/// Whether a server of the stage is among these command lines.
fn has(alive: &[String], program: &str) -> bool {
    let name = |line: &String| {
        let first = line.split(' ').next().unwrap_or_default();
        Path::new(first).file_name().is_some_and(|name| name == program)
    };
    alive.iter().any(name)
}

#[test]
fn ctrl_c_at_any_stage_ends_the_demo_with_130_and_leaves_no_process() {
    let _turn = turn();
    let stages: [(&str, &[&str]); 4] = [
        ("Setting the stage", &[]),
        ("three fresh Redis Enterprise nodes", &["kube-apiserver", "resim"]),
        (
            "kubectl apply -f deploy/samples",
            &["kube-apiserver", "resim", "regent"],
        ),
        (
            "Everything stays up until Ctrl-C",
            &["kube-apiserver", "resim", "regent"],
        ),
    ];
    for (stage, programs) in stages {
        let mut demo = demo("interrupted", &[]);
        demo.until(stage, LIMIT);
        let alive = demo.alive();
        for program in programs {
            assert!(has(&alive, program), "{stage}: {program} should run: {alive:?}");
        }
        demo.signal("INT");
        let ended = demo.end(LIMIT);
        assert_nothing_left(&ended);
        assert_eq!(ended.code, Some(130), "{stage}: {}", ended.said);
        assert!(ended.said.contains("Interrupted"), "{stage}: {}", ended.said);
        assert!(!ended.said.contains("DEMO FAILED"), "{stage}: {}", ended.said);
    }
}

#[test]
fn a_terminal_that_is_closed_and_a_request_to_end_leave_no_process_either() {
    let _turn = turn();
    for (signal, code) in [("HUP", 129), ("TERM", 143)] {
        let mut demo = demo("asked", &[]);
        demo.until("the operator runs as its ServiceAccount", LIMIT);
        demo.signal(signal);
        let ended = demo.end(LIMIT);
        assert_nothing_left(&ended);
        assert_eq!(ended.code, Some(code), "{}", ended.said);
    }
}

#[test]
fn a_demo_that_is_killed_takes_what_it_started_with_it() {
    let _turn = turn();
    let mut demo = demo("killed-demo", &[]);
    demo.until("the operator runs as its ServiceAccount", LIMIT);
    demo.signal("KILL");
    demo.until_gone(Duration::from_secs(30));
}

/// Waits for the demo's failure, and gives the verdict.
#[track_caller]
fn verdict(demo: Started) -> String {
    let ended = demo.end(LIMIT);
    assert_nothing_left(&ended);
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let verdict = ended.said.split_once("DEMO FAILED: ");
    let (_, verdict) = verdict.unwrap_or_else(|| panic!("no verdict:\n{}", ended.said));
    assert!(!ended.said.contains("DEMO PASSED"), "{}", ended.said);
    verdict.to_owned()
}

#[test]
fn a_demo_that_finds_an_address_taken_fails_names_it_and_leaves_no_process() {
    let _turn = turn();
    let _taken = TcpListener::bind("127.0.0.12:9443").unwrap();
    let verdict = verdict(demo("taken", &[]));
    assert!(verdict.contains("127.0.0.12:9443"), "{verdict}");
}

#[test]
fn a_demo_without_a_control_plane_fails_and_leaves_no_process() {
    let _turn = turn();
    let nowhere = "target/no-such-kubeconfig";
    let verdict = verdict(demo("nowhere", &[("REGENT_TEST_KUBECONFIG", nowhere)]));
    assert!(verdict.contains(nowhere), "{verdict}");
}

#[test]
fn a_demo_that_loses_a_part_on_the_way_fails_at_once_and_leaves_no_process() {
    let _turn = turn();
    for (part, words) in [
        ("controlplane up", "the control plane ended (signal: 9 (SIGKILL))"),
        ("resim", "resim ended (signal: 9 (SIGKILL))"),
        ("regent run", "regent ended (signal: 9 (SIGKILL))"),
    ] {
        let mut demo = demo("bereft", &[]);
        demo.until("kubectl apply -f deploy/samples", LIMIT);
        let began = Instant::now();
        demo.kill(part);
        let verdict = verdict(demo);
        assert!(verdict.contains(words), "without {part}: {verdict}");
        assert!(
            began.elapsed() < LIMIT / 3,
            "without {part}: {:?}",
            began.elapsed()
        );
    }
}
