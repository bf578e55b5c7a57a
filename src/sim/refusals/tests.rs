//! Rows of refusals are played, and held against what each page of the documentation lists.

use super::register::CODES;
use super::*;
use crate::sim::config::NodeConfig;
use crate::sim::fixture::{Fixture, Got};
use crate::sim::ids::NodeIndex;
use crate::sim::license_text::License;
use crate::sim::resources::{catalog, package};
use crate::sim::switch::Switches;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Request;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Plays the row of this name.
pub(super) fn play(name: &str) {
    let row = REFUSALS.iter().find(|row| row.name == name).unwrap();
    let mut scene = Scene::after(row.before);
    let got = scene.send(row.method, row.path, row.body);
    let pointer = if row.path == "/v1/bootstrap" {
        "/bootstrap_status/error_code"
    } else {
        "/error_code"
    };
    let code = got
        .json
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default();
    assert_eq!((got.status, code), (row.status, row.code), "{got:?}");
}

/// The world after these steps.
pub(crate) fn after(steps: &[Step]) -> Fixture {
    Scene::after(steps).sim
}

/// The world in which a row begins.
fn world(before: &[Step]) -> Fixture {
    let mut profile = Profile::default();
    let mut members = 3;
    for step in before {
        match step {
            In(other) => profile = *other,
            Nodes(count) => members = *count,
            _ => {}
        }
    }
    let spare = before.iter().any(|step| matches!(step, Spare));
    let mut sim = Fixture::with(members + usize::from(spare), profile, Switches::default());
    for step in before {
        if let Odd(machine, oddity) = step {
            differ(&mut sim.world.env.nodes[machine - 1].config, *oddity);
        }
    }
    if !before.iter().any(|step| matches!(step, Fresh)) {
        form(&mut sim, members);
    }
    sim
}

fn differ(machine: &mut NodeConfig, oddity: Oddity) {
    match oddity {
        Oddity::Memory(bytes) => machine.memory_bytes = bytes,
        Oddity::Flash(bytes) => machine.flash_bytes = bytes,
        Oddity::ClockAhead(secs) => machine.clock_skew_secs = secs,
        Oddity::SocketDirectory => machine.socket_directory = "/var/run/sockets".to_owned(),
        Oddity::Installation => {
            machine.installation = BTreeMap::from([("osuser".to_owned(), "redis".to_owned())]);
        }
        Oddity::Fips => machine.fips_enabled = true,
    }
}

/// The world of a row, and who talks to which machine.
struct Scene {
    sim: Fixture,
    user: Option<(&'static str, &'static str)>,
    machine: usize,
}

impl Scene {
    fn after(steps: &[Step]) -> Self {
        let mut scene = Self {
            sim: world(steps),
            user: Some(("admin@example.com", "secret")),
            machine: 0,
        };
        for step in steps {
            scene.take(*step);
        }
        scene
    }

    fn take(&mut self, step: Step) {
        match step {
            In(_) | Nodes(_) | Fresh | Spare | Odd(..) => {}
            Do(method, path, body) => {
                let reply = self.send(method, path, body);
                assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
            }
            Pass(secs) => self.sim.pass(secs),
            At(machine) => self.machine = machine - 1,
            Crash(node) => self.sim.world.crash(NodeIndex(node - 1)),
            Fill(bytes) => assert!(self.sim.world.fill(NodeIndex(0), 1, bytes)),
            Fault(rule) => self
                .sim
                .faults(json!([serde_json::from_str::<Value>(rule).unwrap()])),
            As("", _) => self.user = None,
            As(name, password) => self.user = Some((name, password)),
        }
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Got {
        let (path, headers) = headers(path, self.user);
        let path = filled(&path, &mut self.sim);
        let body = filled(body, &mut self.sim);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let package = body
            .strip_prefix("<package ")
            .and_then(|rest| rest.strip_suffix('>'));
        if package.is_some() {
            request = request.header("content-type", "multipart/form-data; boundary=x");
        }
        let bytes = match package {
            Some(description) => package::tests::package(description.as_bytes()),
            None => body.into_bytes(),
        };
        self.sim
            .deliver(self.machine, &request.body(Bytes::from(bytes)).unwrap())
    }
}

fn form(sim: &mut Fixture, members: usize) {
    let body = sim.create_body();
    sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
    sim.pass(60);
    for node in 1..members {
        let body = sim.join_body(node);
        assert_eq!(sim.bootstrap_error(node, body), "");
    }
}

/// Headers that the row writes as query parameters, and credentials.
fn headers(path: &str, user: Option<(&str, &str)>) -> (String, Vec<(&'static str, String)>) {
    let mut headers = Vec::new();
    headers.extend(user.map(|(name, password)| {
        (
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))),
        )
    }));
    for name in ["accept", "x-api-version", "cluster-state-id"] {
        if let Some((bare, value)) = path.split_once(&format!("?{name}=")) {
            headers.push((name, value.to_owned()));
            return (bare.to_owned(), headers);
        }
    }
    (path.to_owned(), headers)
}

/// Text with what its placeholders stand for.
fn filled(text: &str, sim: &mut Fixture) -> String {
    if text == "<create>" {
        return sim.create_body().to_string();
    }
    let mut text = text.to_owned();
    for (placeholder, year) in [("<sound>", 2030), ("<expired>", 2024)] {
        if text.contains(placeholder) {
            text = text.replace(placeholder, &pem(year));
        }
    }
    if text.contains("<license>") {
        let license = License::bought("cluster.example.com", 20, sim.world.now(), 30);
        text = text.replace("<license>", &license.text.replace('\n', "\\n"));
    }
    if text.contains("<512 ranges>") {
        let ranges = json!(vec!["10.0.0.0/8"; 512]);
        text = text.replace("\"<512 ranges>\"", &ranges.to_string());
    }
    if text.contains("<snapshot>") {
        let snapshots = sim.admin(0, "GET", "/v1/nodes/2/snapshots", Value::Null).json;
        text = text.replace("<snapshot>", snapshots[0]["name"].as_str().unwrap());
    }
    if let Some((_, rest)) = text.split_once("<module ") {
        let (module, _) = rest.split_once('>').unwrap();
        let (name, version) = module.split_once(' ').unwrap();
        text = text.replace(&format!("<module {module}>"), &catalog::uid(name, version));
    }
    text
}

/// A certificate until that year, as it stands in JSON text.
fn pem(until: i32) -> String {
    let mut params = CertificateParams::new(vec!["client.example.com".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .replace('\n', "\\n")
}

/// The codes of a page; none for a page that lists none.
fn codes_of(page: &str) -> &'static [&'static str] {
    CODES
        .iter()
        .find(|(known, _)| *known == page)
        .map_or(&[], |(_, codes)| *codes)
}

/// Whether a row earns a code of a page. Suffixes tell why a database is unavailable.
fn earns(row: &Refusal, page: &str, code: &str) -> bool {
    row.page == page
        && (row.code == code || code == "bdb_unavailable" && row.code.starts_with("bdb_unavailable"))
}

#[test]
fn no_code_of_a_page_is_both_reached_and_left_out() {
    for (page, code, _) in LEFT_OUT {
        assert!(codes_of(page).contains(code), "{page} does not list {code}");
        assert!(
            !REFUSALS.iter().any(|row| earns(row, page, code)),
            "{code} of {page}"
        );
    }
}

#[test]
fn every_code_that_a_page_lists_is_reached_or_left_out() {
    for (page, codes) in CODES {
        for code in *codes {
            let reached = REFUSALS.iter().any(|row| earns(row, page, code));
            let left_out = LEFT_OUT.iter().any(|(of, left, _)| (of, left) == (page, code));
            assert!(reached || left_out, "{code} of {page}");
        }
    }
}

#[test]
fn no_row_is_surer_of_its_code_than_its_page() {
    for row in REFUSALS.iter().filter(|row| !row.code.is_empty()) {
        let listed = codes_of(row.page).iter().any(|code| earns(row, row.page, code));
        assert!(listed || row.sure == Sure::OwnCode, "{}", row.name);
    }
}

#[test]
fn every_row_names_its_page_unless_no_page_has_it() {
    for row in REFUSALS {
        assert!(!row.page.is_empty() || row.sure == Sure::Deduced, "{}", row.name);
        assert!(!row.code.is_empty() || row.sure != Sure::OwnCode, "{}", row.name);
    }
}
