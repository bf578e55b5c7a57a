//! What the front end answers and refuses, request by request.

use super::*;
use crate::sim::fixture::{Fixture, LOGIN};
use crate::sim::switch::Switches;
use crate::sim::world::Outcome;
use http::Response;
use serde_json::json;

#[test]
fn every_refusal_of_the_front_end_has_its_status() {
    let login = || ("authorization", LOGIN.to_owned());
    let with = |name: &'static str, value: &str| vec![login(), (name, value.to_owned())];
    for (method, path, headers, body, status) in [
        ("GET", "/v1/cluster", vec![login()], Value::Null, 200),
        ("GET", "/v1/cluster", vec![], Value::Null, 401),
        (
            "GET",
            "/v1/cluster",
            vec![("authorization", "Basic !".to_owned())],
            Value::Null,
            401,
        ),
        (
            "GET",
            "/v1/cluster",
            vec![("authorization", "Digest x".to_owned())],
            Value::Null,
            401,
        ),
        ("GET", "/v1/nonsense", vec![login()], Value::Null, 404),
        ("GET", "/v1/cluster/", vec![login()], Value::Null, 404),
        ("PATCH", "/v1/cluster", vec![login()], Value::Null, 405),
        ("OPTIONS", "/v1/cluster", vec![], Value::Null, 200),
        (
            "GET",
            "/v1/cluster",
            with("accept", "application/json"),
            Value::Null,
            200,
        ),
        (
            "GET",
            "/v1/cluster",
            with("accept", "text/plain, */*;q=0.1"),
            Value::Null,
            200,
        ),
        (
            "GET",
            "/v1/cluster",
            with("accept", "text/html"),
            Value::Null,
            400,
        ),
        (
            "PUT",
            "/v1/cluster",
            with("content-type", "application/json; charset=utf-8"),
            json!({}),
            200,
        ),
        (
            "PUT",
            "/v1/cluster",
            with("content-type", "application/x-www-form-urlencoded"),
            json!({}),
            200,
        ),
        (
            "PUT",
            "/v1/cluster",
            with("content-type", "text/xml"),
            json!({}),
            400,
        ),
        ("GET", "/v1/cluster", with("x-api-version", "1"), Value::Null, 200),
        ("GET", "/v1/cluster", with("x-api-version", "9"), Value::Null, 505),
        ("PUT", "/v1/bdbs/9", with("cluster-state-id", "1"), json!({}), 409),
        ("PUT", "/v1/bdbs/9", with("cluster-state-id", "x"), json!({}), 400),
        (
            "PUT",
            "/v1/cluster",
            with("cluster-state-id", "1"),
            json!({}),
            200,
        ),
    ] {
        let reply = Fixture::cluster(1, 1).raw(0, method, path, &headers, body);
        assert_eq!(reply.status, status, "{method} {path} {headers:?}");
    }
}

/// The answer of the first machine, with its headers.
fn answer(sim: &mut Fixture, method: &str, path: &str, login: Option<&str>) -> Response<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(login) = login {
        request = request.header("authorization", login);
    }
    let request = request.body(Bytes::new()).unwrap();
    match sim.world.handle(NodeIndex(0), &request) {
        Outcome::Reply { response, .. } => response,
        other => panic!("no answer: {other:?}"),
    }
}

fn header_of<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[test]
fn what_the_services_never_saw_is_answered_with_plain_text_or_a_page() {
    let page = |status: &str| format!("<!doctype html>\n<title>{status}</title>\n<h1>{status}</h1>\n");
    let mut restarting = Fixture::cluster(1, 1);
    restarting.world.crash(NodeIndex(0));
    restarting.world.power_on(NodeIndex(0));
    let upstream = "no healthy upstream".to_owned();
    for (mut sim, method, path, status, content_type, body) in [
        (restarting, "GET", "/v1/cluster", 503, "text/plain", upstream),
        (
            Fixture::cluster(1, 1),
            "GET",
            "/v1/nonsense",
            404,
            "text/html",
            page("404 Not Found"),
        ),
        (
            Fixture::cluster(1, 1),
            "PATCH",
            "/v1/cluster",
            405,
            "text/html",
            page("405 Method Not Allowed"),
        ),
    ] {
        let got = answer(&mut sim, method, path, Some(LOGIN));
        assert_eq!(got.status(), status, "{method} {path}");
        assert_eq!(header_of(&got, "content-type"), content_type, "{method} {path}");
        assert_eq!(header_of(&got, "content-length"), body.len().to_string());
        assert_eq!(header_of(&got, "server"), "envoy");
        assert_eq!(got.body(), &body);
    }
}

#[test]
fn a_node_without_a_cluster_says_so_of_everything_but_its_bootstrap() {
    let mut sim = Fixture::fresh(1);
    for path in ["/v1/cluster", "/v1/local/services", "/v1/status"] {
        let got = sim.send(0, "GET", path, None, Value::Null);
        assert_eq!((got.status, got.code()), (503, "no_cluster"), "{path}");
        assert_eq!(got.json["description"], "No cluster bootstrapped", "{path}");
    }
    let bootstrap = sim.send(0, "GET", "/v1/bootstrap", None, Value::Null);
    assert_eq!(bootstrap.status, 200);
}

#[test]
fn an_answer_without_a_body_says_nothing_of_json() {
    let mut sim = Fixture::cluster(1, 1);
    sim.database(None);
    let got = answer(&mut sim, "GET", "/v1/bdbs/1/availability", Some(LOGIN));
    assert!(got.body().is_empty(), "{got:?}");
    assert_eq!(header_of(&got, "content-type"), "text/html");
}

#[test]
fn a_method_that_a_path_lacks_is_answered_with_those_that_it_has() {
    let mut sim = Fixture::cluster(1, 1);
    for (method, path, status, allow) in [
        ("PATCH", "/v1/cluster", 405, "GET, OPTIONS, PUT"),
        ("OPTIONS", "/v1/cluster", 200, "GET, OPTIONS, PUT"),
        ("POST", "/v1/bootstrap", 405, "GET, OPTIONS"),
        // The newer service does not answer OPTIONS.
        ("PATCH", "/v1/users/password", 405, "DELETE, POST, PUT"),
        ("GET", "/v1/cluster", 200, ""),
    ] {
        let got = answer(&mut sim, method, path, Some(LOGIN));
        assert_eq!(got.status(), status, "{method} {path}");
        assert_eq!(header_of(&got, "allow"), allow, "{method} {path}");
    }
    sim.admin(0, "PUT", "/v1/cluster", json!({"options_method_forbidden": true}));
    for method in ["OPTIONS", "PATCH"] {
        let got = answer(&mut sim, method, "/v1/cluster", Some(LOGIN));
        assert_eq!(
            (got.status().as_u16(), header_of(&got, "allow")),
            (405, "GET, PUT"),
            "{method}"
        );
    }
}

#[test]
fn a_call_that_lacks_credentials_is_asked_for_basic_ones_in_an_empty_answer() {
    let mut sim = Fixture::cluster(1, 1);
    for login in [
        None,
        Some("Basic !"),
        Some("Basic YWRtaW5AZXhhbXBsZS5jb206d3Jvbmc="),
        Some("JWT x"),
    ] {
        let got = answer(&mut sim, "GET", "/v1/cluster", login);
        assert_eq!(got.status(), 401, "{login:?}");
        let challenge = header_of(&got, "www-authenticate");
        assert!(challenge.starts_with("Basic realm="), "{login:?}: {challenge}");
        assert!(got.body().is_empty(), "{login:?}");
    }
    let got = answer(&mut sim, "GET", "/v1/cluster", Some(LOGIN));
    assert_eq!(header_of(&got, "www-authenticate"), "");
}

#[test]
fn a_slash_at_the_end_of_a_path_is_ignored_on_the_other_side() {
    let switches = Switches::default().with(Switch::TrailingSlashServed);
    let mut sim = Fixture::cluster_with(1, 1, switches);
    for (path, status) in [("/v1/bdbs/", 200), ("/v1/bdbs//", 404), ("/", 404)] {
        assert_eq!(sim.admin(0, "GET", path, Value::Null).status, status, "{path}");
    }
}

#[test]
fn a_path_without_a_version_is_served_on_the_other_side() {
    for (switches, status) in [
        (Switches::default(), 404),
        (Switches::default().with(Switch::UnversionedPathsServed), 200),
    ] {
        let mut sim = Fixture::cluster_with(2, 2, switches);
        for (method, path) in [("GET", "/bootstrap"), ("POST", "/nodes/2/actions/remove")] {
            assert_eq!(
                sim.admin(0, method, path, json!({})).status,
                status,
                "{method} {path}"
            );
        }
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
        assert_eq!(sim.admin(0, "GET", "/v9/cluster", Value::Null).status, 404);
        assert_eq!(sim.admin(0, "GET", "/", Value::Null).status, 404);
    }
}

#[test]
fn a_body_must_say_that_it_is_json_on_the_other_side() {
    let curl = "application/x-www-form-urlencoded";
    for (switches, content_type, status) in [
        (Switches::default(), "", 200),
        (Switches::default(), curl, 200),
        (Switches::default().with(Switch::ContentTypeRequired), "", 400),
        (Switches::default().with(Switch::ContentTypeRequired), curl, 400),
        (
            Switches::default().with(Switch::ContentTypeRequired),
            "application/json",
            200,
        ),
    ] {
        let mut sim = Fixture::cluster_with(1, 1, switches);
        let headers = [
            ("authorization", LOGIN.to_owned()),
            ("content-type", content_type.to_owned()),
        ];
        let put = sim.raw(0, "PUT", "/v1/cluster", &headers, json!({}));
        assert_eq!(put.status, status, "{content_type:?}");
        assert_eq!(
            sim.raw(0, "GET", "/v1/cluster", &headers, Value::Null).status,
            200
        );
    }
}

#[test]
fn a_body_that_is_not_json_is_400() {
    let request = Request::put("/v1/cluster")
        .header("authorization", LOGIN)
        .body(Bytes::from_static(b"{"));
    let mut sim = Fixture::cluster(1, 1);
    assert_eq!(sim.deliver(0, &request.unwrap()).status, 400);
}

#[test]
fn errors_have_the_key_that_the_switch_says() {
    for (switches, key) in [
        (Switches::default(), "description"),
        (Switches::default().with(Switch::ErrorMessageKey), "message"),
    ] {
        let reply = Fixture::cluster_with(1, 1, switches).admin(0, "GET", "/v1/nodes/9", Value::Null);
        assert!(
            reply.json[key].is_string() && reply.json["error_code"].is_string(),
            "{reply:?}"
        );
    }
}

#[test]
fn a_state_id_mismatch_is_406_on_the_other_side_and_a_match_passes() {
    let switches = Switches::default().with(Switch::StateIdMismatch406);
    let mut sim = Fixture::cluster_with(1, 1, switches);
    let id = sim.admin(0, "GET", "/v1/cluster", Value::Null).state_id.unwrap();
    for (id, status) in [(id + 1, 406), (id, 404)] {
        let headers = [
            ("authorization", LOGIN.to_owned()),
            ("cluster-state-id", id.to_string()),
        ];
        assert_eq!(
            sim.raw(0, "PUT", "/v1/bdbs/9", &headers, json!({})).status,
            status
        );
    }
}

#[test]
fn options_can_be_forbidden() {
    let mut sim = Fixture::cluster(1, 1);
    sim.admin(0, "PUT", "/v1/cluster", json!({"options_method_forbidden": true}));
    assert_eq!(
        sim.send(0, "OPTIONS", "/v1/cluster", None, Value::Null).status,
        405
    );
}

#[test]
fn a_locked_account_is_refused_like_a_wrong_password_or_openly() {
    for (switches, locked) in [
        (Switches::default(), 401),
        (Switches::default().with(Switch::LockedAccount403), 403),
    ] {
        let mut sim = Fixture::cluster_with(1, 1, switches);
        let wrong = Some(("admin@example.com", "wrong"));
        for _ in 0..5 {
            assert_eq!(sim.send(0, "GET", "/v1/cluster", wrong, Value::Null).status, 401);
        }
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, locked);
        sim.pass(1801);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
    }
}

#[test]
fn restarting_services_answer_503_or_reset() {
    for (switches, status) in [
        (Switches::default(), 503),
        (Switches::default().with(Switch::RestartResets), 0),
    ] {
        let mut sim = Fixture::cluster_with(1, 1, switches);
        sim.world.crash(NodeIndex(0));
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster", Value::Null).status,
            0,
            "refused"
        );
        sim.world.power_on(NodeIndex(0));
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, status);
        sim.pass(10);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).status, 200);
    }
}
