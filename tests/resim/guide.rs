//! What the documentation promises: the how-to page's own commands, and the quick start of the product's REST API.

use crate::world::{Folder, Resim};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};

const PAGE: &str = include_str!("../../docs/how-to/test-your-client.md");

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let fenced = PAGE.split("```").skip(1).step_by(2);
    let of = |block: &str| {
        block
            .strip_prefix(language)?
            .strip_prefix('\n')
            .map(str::to_owned)
    };
    fenced.filter_map(of).collect()
}

/// Runs a program in `folder`, with `resim` in its path. It is ended after a minute.
#[track_caller]
pub fn run(folder: &Folder, program: &[&str]) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_resim")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output: Output = Command::new("timeout")
        .arg("60")
        .args(program)
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{program:?}: {}\n{out}\n{err}",
        output.status
    );
    out.into_owned()
}

#[track_caller]
fn python(folder: &Folder, program: &str) -> String {
    let there = Command::new("python3").args(["-c", "import requests"]).output();
    assert!(
        there.is_ok_and(|output| output.status.success()),
        "Python with requests is missing; install it: apt-get install python3-requests"
    );
    run(folder, &["python3", "-c", program])
}

#[test]
fn the_shell_example_of_the_page_works() {
    let [example] = &blocks("sh")[..] else {
        panic!("one example")
    };
    let shown = run(&Folder::new(), &["bash", "-euc", example]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown[0]["name"], "sessions");
}

#[test]
fn the_recovery_of_the_page_works() {
    let [example] = &blocks("bash")[..] else {
        panic!("one example")
    };
    let shown = run(&Folder::new(), &["bash", "-euc", example]);
    let nodes: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let statuses = |node: &serde_json::Value| node["status"].as_str().map(str::to_owned);
    let statuses: Vec<_> = nodes.as_array().unwrap().iter().filter_map(statuses).collect();
    assert_eq!(statuses, ["active", "active", "active"]);
}

#[test]
fn the_python_example_of_the_page_works() {
    let [example] = &blocks("python")[..] else {
        panic!("one example")
    };
    python(&Folder::new(), example);
}

#[test]
fn the_ci_job_of_the_page_works() {
    let [job] = &blocks("yaml")[..] else {
        panic!("one job")
    };
    let (_, script) = job.split_once("- run: |\n").unwrap();
    let script: String = script
        .lines()
        .map(|line| format!("{}\n", line.trim_start()))
        .collect();
    let shown = run(&Folder::new(), &["bash", "-ec", &script]);
    assert_eq!(shown.matches("\"status\":\"active\"").count(), 3, "{shown}");
}

/// The product's quick start names its database `tr01`.
fn quick_start() -> (Resim, String) {
    let sim = Resim::cluster(&[]);
    sim.database(&json!({"name": "tr01", "memory_size": 1 << 30}));
    let node = sim.node(0);
    (sim, node)
}

#[test]
fn the_quick_start_works_with_curl() {
    let (sim, node) = quick_start();
    let login = "admin@example.com:resim-admin";
    let accept = "accept: application/json";
    let list = format!("https://{node}/v1/bdbs");
    let shown = run(
        &sim.folder,
        &["curl", "-X", "GET", "-H", accept, "-u", login, &list, "-k", "-i"],
    );
    let (head, body) = shown.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    for header in [
        "server: envoy",
        "content-type: application/json",
        "cluster-state-id: ",
        "date: ",
        "content-length: ",
        "x-envoy-upstream-service-time: ",
    ] {
        assert!(head.contains(header), "{header}: {head}");
    }
    let bdbs: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&bdbs[0]["name"], &bdbs[0]["uid"]), (&json!("tr01"), &json!(1)));
    assert!(
        bdbs[0]["version"].is_string() && bdbs[0]["wait_command"] == true,
        "{body}"
    );
    let one = format!("{list}/1");
    let kind = "content-type: application/json";
    for headers in [&["-H", accept, "-H", kind][..], &["-H", accept], &[]] {
        let name = format!("database{}", headers.len());
        let body = json!({ "name": name }).to_string();
        let mut command = vec!["curl", "-X", "PUT"];
        command.extend(headers);
        command.extend(["-u", login, &one, "-d", &body, "-k", "-i"]);
        let shown = run(&sim.folder, &command);
        assert!(
            shown.starts_with("HTTP/1.1 200 OK") && shown.contains(&name),
            "{headers:?}: {shown}"
        );
        sim.pass(60);
    }
}

#[test]
fn the_quick_start_works_with_python() {
    let (sim, node) = quick_start();
    let program = format!(
        r#"
import json, requests
bdbs = "https://{node}/v1/bdbs"
auth = ("admin@example.com", "resim-admin")
listed = requests.get(bdbs, auth=auth, headers={{"accept": "application/json"}}, verify=False)
assert (listed.status_code, listed.reason) == (200, "OK")
for bdb in listed.json():
    name = "database%d" % bdb["uid"]
    put = requests.put("%s/%d" % (bdbs, bdb["uid"]), data=json.dumps({{"name": name}}), auth=auth,
                       headers={{"content-type": "application/json"}}, verify=False)
    assert put.status_code == 200 and put.json()["name"] == name, put.text
    assert int(put.headers["cluster-state-id"]) > int(listed.headers["cluster-state-id"])
"#
    );
    python(&sim.folder, &program);
}
