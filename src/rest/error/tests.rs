use super::*;
use crate::rest::route;

fn refused(route: &'static Route, status: u16, body: &str) -> Error {
    failed(
        route,
        ErrorKind::Refused(Refusal::read(status, body.as_bytes(), &[])),
    )
}

fn failed(route: &'static Route, kind: ErrorKind) -> Error {
    Error {
        route,
        path: route.fill(&[&7]),
        node: "10.0.0.11:9443".to_owned(),
        kind,
    }
}

#[test]
fn every_shape_of_error_body_is_read() {
    let long = format!("key {} end", "x".repeat(64));
    let many = "word ".repeat(80);
    let cases: &[(&str, &str)] = &[
        (
            r#"{"error_code":"busy","description":"in use"}"#,
            "406 busy: in use",
        ),
        (r#"{"error_code":"busy","message":"in use"}"#, "406 busy: in use"),
        (r#"{"description":"both","message":"old"}"#, "406: both"),
        (r#"{"error_code":"brand_new"}"#, "406 brand_new"),
        (r#"{"error_code":"","description":""}"#, "406"),
        (r#"{"error_code":null,"description":"a\u0000b\nc"}"#, "406: a b c"),
        (r#"{"error_code":5}"#, "406"),
        (r#"{"something":"else"}"#, "406"),
        (r#"["busy"]"#, "406"),
        ("<html><body>502 Bad Gateway</body></html>", "406"),
        ("  plain words\r\n", "406: plain words"),
        ("", "406"),
        ("\u{1b}[31mred", "406: [31mred"),
        (&long, "406: key … end"),
    ];
    for (body, shown) in cases {
        assert_eq!(
            Refusal::read(406, body.as_bytes(), &[]).to_string(),
            *shown,
            "{body}"
        );
    }
    assert_eq!(Refusal::read(500, &[0xff, 0xfe], &[]).to_string(), "500");
    let hint = Refusal::read(500, many.as_bytes(), &[]).hint.unwrap();
    assert_eq!(hint.chars().count(), HINT_CHARS_MAX);
}

#[test]
fn secrets_of_the_request_are_struck_from_the_hint() {
    let body = r#"{"error_code":"canary","description":"password 'canary' is too weak"}"#;
    let refusal = Refusal::read(400, body.as_bytes(), &["canary", ""]);
    assert_eq!(refusal.to_string(), "400 …: password '…' is too weak");
}

#[test]
fn answers_are_disposed_of_by_route_status_and_code() {
    use Disposition::*;
    let cases: &[(&Route, u16, &str, Disposition)] = &[
        (&route::BDB, 401, "", Denied),
        (&route::CREATE_BDB, 403, "", Denied),
        (
            &route::CREATE_BDB,
            403,
            r#"{"description":"License expired"}"#,
            Rejected,
        ),
        (
            &route::UPDATE_BDB,
            403,
            r#"{"error_code":"license_expired"}"#,
            Rejected,
        ),
        (&route::UPDATE_BDB, 404, "", Stale),
        (&route::CLUSTER, 404, "", Unreachable),
        (&route::UPDATE_BDB, 405, "", Bug),
        (
            &route::CREATE_BDB,
            406,
            r#"{"error_code":"insufficient_resources"}"#,
            Rejected,
        ),
        (
            &route::CREATE_BDB,
            406,
            r#"{"error_code":"of_tomorrow"}"#,
            Rejected,
        ),
        (
            &route::CREATE_BDB,
            406,
            r#"{"error_code":"wrong_cluster_state_id"}"#,
            Stale,
        ),
        (&route::DELETE_BDB, 406, "", Busy),
        (&route::UPDATE_BDB, 400, "", Rejected),
        (&route::UPDATE_BDB, 409, "", Busy),
        (&route::CREATE_BDB, 409, "", Stale),
        (&route::CREATE_BDB, 409, r#"{"error_code":"busy"}"#, Busy),
        (&route::CREATE_BDB, 409, r#"{"error_code":"uid_exists"}"#, Stale),
        (&route::CREATE_CLUSTER, 409, "", Stale),
        (&route::START_NODE_ACTION, 409, "", Busy),
        (&route::CERTIFICATES_REPLACE, 409, "", Busy),
        (
            &route::UPDATE_CLUSTER,
            409,
            r#"{"error_code":"config_edit_conflict"}"#,
            Stale,
        ),
        (&route::CLUSTER, 409, "", Rejected),
        (&route::CLUSTER, 429, "", Unreachable),
        (
            &route::CLUSTER,
            500,
            r#"{"error_code":"internal_error"}"#,
            Unreachable,
        ),
        (&route::UPDATE_BDB, 501, "", Rejected),
        (&route::CLUSTER, 502, "<html>", Unreachable),
        (&route::CLUSTER, 503, r#"{"error_code":"no_quorum"}"#, Unreachable),
        (&route::CLUSTER, 504, "", Unreachable),
        (&route::CLUSTER, 505, "", Bug),
        (&route::UPDATE_BDB, 200, r#"{"error_code":"of_tomorrow"}"#, Bug),
    ];
    for (route, status, body, disposition) in cases {
        let route = route::ALL.into_iter().find(|other| *other == *route).unwrap();
        assert_eq!(
            refused(route, *status, body).disposition(),
            *disposition,
            "{route} {status} {body}"
        );
    }
}

#[test]
fn failures_without_an_answer_are_disposed_of_by_kind() {
    use Disposition::*;
    let pin = Mistrust::Pin {
        shown: "sha256/x".to_owned(),
    };
    let cases = [
        (ErrorKind::Connect(String::new()), Unreachable, false, true),
        (ErrorKind::Untrusted(pin), Unreachable, false, true),
        (ErrorKind::Timeout, Unreachable, true, false),
        (ErrorKind::Lost(String::new()), Unreachable, true, false),
        (ErrorKind::Redirected(String::new()), Unreachable, false, false),
        (ErrorKind::TooLarge { bytes_max: 1 }, Bug, true, false),
        (ErrorKind::NotJson, Unreachable, true, false),
        (ErrorKind::Malformed(String::new()), Bug, true, false),
        (ErrorKind::Unsendable(String::new()), Bug, false, true),
    ];
    for (kind, disposition, unknown, unsent) in cases {
        let error = failed(&route::CREATE_BDB, kind.clone());
        assert_eq!(error.disposition(), disposition, "{kind:?}");
        assert_eq!(error.outcome_unknown(), unknown, "{kind:?}");
        assert_eq!(error.unsent(), unsent, "{kind:?}");
        assert!(
            !failed(&route::BDB, kind).outcome_unknown(),
            "a read has no outcome"
        );
    }
}

#[test]
fn a_refusal_settles_the_outcome_unless_the_server_itself_is_in_doubt() {
    for (status, unknown) in [
        (400, false),
        (401, false),
        (406, false),
        (409, false),
        (500, true),
        (503, true),
        (504, true),
    ] {
        assert_eq!(
            refused(&route::CREATE_BDB, status, "").outcome_unknown(),
            unknown,
            "{status}"
        );
    }
}

#[test]
fn an_error_names_the_call_the_object_and_the_node() {
    let error = refused(
        &route::UPDATE_BDB,
        409,
        r#"{"error_code":"busy","description":"pending"}"#,
    );
    assert_eq!(
        error.to_string(),
        "PUT /v1/bdbs/7 at 10.0.0.11:9443: 409 busy: pending"
    );
}
