use super::*;
use crate::rest::model::BdbUid;
use crate::rest::model::CertificateName;
use crate::rest::model::JsonMap;
use crate::rest::model::NodeUid;
use crate::rest::nodes::RemoveNode;
use crate::rest::transport::TransportError;
use bytes::Bytes;
use http::Request;
use http::Response;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::sync::Mutex;
use tower::util::BoxCloneSyncService;

type Reply = Result<Response<Bytes>, TransportError>;

/// A cluster of three nodes behind a script, and what each of them was asked.
struct Cluster {
    session: Session,
    client: Client,
    heard: Arc<Mutex<Vec<Request<Bytes>>>>,
}

fn node(last: u8) -> NodeAddress {
    NodeAddress {
        host: format!("10.0.0.{last}"),
        port: 9443,
    }
}

fn trust() -> Trust {
    Trust::Member {
        cluster_name: "prod.example.com".to_owned(),
        authority: None,
        pins: BTreeSet::new(),
    }
}

fn credentials() -> Credentials {
    Credentials {
        username: "admin".to_owned(),
        password: SecretString::from("canary-password"),
    }
}

/// `answer` is given the last number of the node's address.
fn cluster(answer: impl Fn(u8, &Request<Bytes>) -> Reply + Send + Sync + 'static) -> Cluster {
    let heard: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let (log, answer) = (heard.clone(), Arc::new(answer));
    let client = Client::new(BoxCloneSyncService::new(tower::service_fn(
        move |request: Request<Bytes>| {
            let last = request
                .uri()
                .host()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            let reply = answer(last, &request);
            log.lock().unwrap().push(request);
            async { reply }
        },
    )));
    Cluster {
        session: client.session(vec![node(1), node(2), node(3)], trust(), credentials()),
        client,
        heard,
    }
}

impl Cluster {
    /// `<node> <method> <path>` of each request.
    fn heard(&self) -> Vec<String> {
        let line = |request: &Request<Bytes>| {
            let uri = request.uri();
            let last = uri.host().unwrap().rsplit('.').next().unwrap();
            format!("{last} {} {}", request.method(), uri.path_and_query().unwrap())
        };
        self.heard.lock().unwrap().iter().map(line).collect()
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Ok(Response::builder()
        .status(status)
        .body(Bytes::from(body.to_owned()))
        .unwrap())
}

fn redirect(status: u16, location: &str) -> Reply {
    Ok(Response::builder()
        .status(status)
        .header("location", location)
        .body(Bytes::new())
        .unwrap())
}

fn refused() -> Reply {
    Err(TransportError::Connect("refused".to_owned()))
}

const CLUSTER: &str = r#"{"name":"prod.example.com","created_time":"2026-01-01T00:00:00Z"}"#;

#[tokio::test]
async fn a_request_carries_credentials_trust_and_nothing_superfluous() {
    let cluster = cluster(|_, _| reply(200, ""));
    cluster
        .session
        .update_bdb(BdbUid(7), JsonMap::new())
        .await
        .unwrap();
    let heard = cluster.heard.lock().unwrap();
    let mut names: Vec<&str> = heard[0].headers().keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "content-type", "user-agent"]);
    assert!(heard[0].headers()["authorization"].is_sensitive());
    assert_eq!(heard[0].extensions().get::<Trust>(), Some(&trust()));
    assert_eq!(
        (heard[0].uri().to_string(), &heard[0].body()[..]),
        ("https://10.0.0.1:9443/v1/bdbs/7".to_owned(), &b"{}"[..])
    );
}

#[tokio::test]
async fn a_fresh_node_never_hears_credentials_in_a_header() {
    let cluster = cluster(|_, _| reply(401, ""));
    let fresh = cluster.client.fresh(node(1), Trust::Pinned(BTreeSet::new()));
    assert_eq!(fresh.bootstrap().await, Ok(None), "it belongs to a cluster");
    fresh
        .create_cluster(JsonMap::new(), &credentials(), None)
        .await
        .unwrap_err();
    let heard = cluster.heard.lock().unwrap();
    assert!(
        heard
            .iter()
            .all(|request| !request.headers().contains_key("authorization"))
    );
    let body: serde_json::Value = serde_json::from_slice(heard[1].body()).unwrap();
    assert_eq!(body["action"], "create_cluster");
    assert_eq!(body["credentials"]["username"], "admin");
}

#[tokio::test]
async fn a_read_goes_to_the_next_member_when_nothing_could_be_sent() {
    let cluster = cluster(|last, _| if last == 3 { reply(200, CLUSTER) } else { refused() });
    cluster.session.cluster().await.unwrap();
    cluster.session.cluster().await.unwrap();
    let call = |last| format!("{last} GET /v1/cluster");
    assert_eq!(
        cluster.heard(),
        [call(1), call(2), call(3), call(3)],
        "the one that answered is asked first"
    );
}

#[tokio::test]
async fn a_call_that_must_not_be_repeated_is_sent_once() {
    let cluster = cluster(|_, _| refused());
    let error = cluster.session.create_bdb(JsonMap::new()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "POST /v1/bdbs at 10.0.0.1:9443: no connection: refused"
    );
    assert!(!error.outcome_unknown());
    cluster.session.create_bdb(JsonMap::new()).await.unwrap_err();
    assert_eq!(
        cluster.heard(),
        ["1 POST /v1/bdbs", "2 POST /v1/bdbs"],
        "the next one begins elsewhere"
    );
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_again() {
    let cluster = cluster(|_, _| Err(TransportError::Lost("reset".to_owned())));
    assert!(!cluster.session.cluster().await.unwrap_err().outcome_unknown());
    assert!(
        cluster
            .session
            .create_bdb(JsonMap::new())
            .await
            .unwrap_err()
            .outcome_unknown()
    );
    assert_eq!(cluster.heard(), ["1 GET /v1/cluster", "2 POST /v1/bdbs"]);
}

#[tokio::test]
async fn a_busy_member_stays_the_first_choice_and_a_broken_one_does_not() {
    let busy = cluster(|_, _| reply(409, ""));
    busy.session
        .update_bdb(BdbUid(7), JsonMap::new())
        .await
        .unwrap_err();
    busy.session
        .update_bdb(BdbUid(7), JsonMap::new())
        .await
        .unwrap_err();
    assert_eq!(busy.heard(), ["1 PUT /v1/bdbs/7", "1 PUT /v1/bdbs/7"]);
    let broken = cluster(|_, _| reply(503, ""));
    broken.session.cluster().await.unwrap_err();
    broken.session.cluster().await.unwrap_err();
    assert_eq!(broken.heard(), ["1 GET /v1/cluster", "2 GET /v1/cluster"]);
}

#[tokio::test]
async fn a_redirect_to_a_member_is_followed_with_the_same_request() {
    for status in [307, 308] {
        let follower = move |last, _: &Request<Bytes>| match last {
            2 => reply(200, r#"{"uid":7,"status":"pending"}"#),
            _ => redirect(status, "https://10.0.0.2:9443/v1/elsewhere"),
        };
        let cluster = cluster(follower);
        let body = JsonMap::from_iter([("name".to_owned(), "db".into())]);
        assert_eq!(cluster.session.create_bdb(body).await.unwrap().uid, BdbUid(7));
        assert_eq!(cluster.heard(), ["1 POST /v1/bdbs", "2 POST /v1/bdbs"]);
        let heard = cluster.heard.lock().unwrap();
        assert_eq!(heard[0].body(), heard[1].body());
        assert_eq!(heard[0].headers(), heard[1].headers());
    }
}

#[tokio::test]
async fn the_member_that_a_redirect_led_to_is_asked_first_from_then_on() {
    let cluster = cluster(|last, _| {
        if last == 2 {
            reply(200, CLUSTER)
        } else {
            redirect(307, "https://10.0.0.2:9443/")
        }
    });
    cluster.session.cluster().await.unwrap();
    cluster.session.cluster().await.unwrap();
    assert_eq!(
        cluster.heard(),
        ["1 GET /v1/cluster", "2 GET /v1/cluster", "2 GET /v1/cluster"]
    );
}

#[tokio::test]
async fn no_redirect_leads_away_from_the_members() {
    let locations = [
        "",
        "/v1/cluster",
        "https://10.0.0.9:9443/v1/cluster",
        "https://10.0.0.2:8443/v1/cluster",
        "https://10.0.0.2/v1/cluster",
        "http://10.0.0.2:9443/v1/cluster",
        "https://10.0.0.2:9443@evil.example.com/v1/cluster",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.2]:9443/v1/cluster",
        "not a location",
    ];
    for location in locations {
        let cluster = cluster(move |_, _| redirect(307, location));
        let error = cluster.session.cluster().await.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Redirected(_)),
            "{location}: {error}"
        );
        assert_eq!(error.disposition(), Disposition::Unreachable);
        assert_eq!(cluster.heard(), ["1 GET /v1/cluster"], "{location}");
    }
}

#[tokio::test]
async fn a_loop_of_redirects_ends_after_one_hop() {
    let cluster = cluster(|last, _| redirect(307, &format!("https://10.0.0.{}:9443/", last % 3 + 1)));
    let error = cluster.session.cluster().await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Redirected(_)), "{error}");
    assert_eq!(cluster.heard(), ["1 GET /v1/cluster", "2 GET /v1/cluster"]);
}

#[tokio::test]
async fn one_member_alone_can_be_asked() {
    let down = cluster(|_, _| refused());
    down.session.only(&node(2)).cluster().await.unwrap_err();
    assert_eq!(down.heard(), ["2 GET /v1/cluster"]);
    let follower = cluster(|_, _| redirect(307, "https://10.0.0.1:9443/"));
    follower.session.only(&node(2)).cluster().await.unwrap_err();
    assert_eq!(follower.heard(), ["2 GET /v1/cluster"]);
    follower.session.only(&node(9)).cluster().await.unwrap_err();
    assert_eq!(follower.heard().len(), 1, "a stranger is no member");
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_by_its_deadline() {
    let transport = BoxCloneSyncService::new(tower::service_fn(|_: Request<Bytes>| {
        std::future::pending::<Reply>()
    }));
    let session = Client::new(transport).session(vec![node(1)], trust(), credentials());
    let began = tokio::time::Instant::now();
    assert_eq!(session.cluster().await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(began.elapsed().as_secs(), 30);
    assert!(
        session
            .remove_node(NodeUid(3), RemoveNode::default())
            .await
            .unwrap_err()
            .outcome_unknown()
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_of_members_that_hang_has_one_deadline_and_the_next_begins_with_another_member() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = heard.clone();
    let transport = BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        log.lock().unwrap().push(request.uri().host().unwrap().to_owned());
        async {
            tokio::time::sleep(std::time::Duration::from_secs(6)).await;
            refused()
        }
    }));
    let session = Client::new(transport)
        .looking_every(std::time::Duration::from_secs(10))
        .session(vec![node(1), node(2), node(3)], trust(), credentials());
    let began = tokio::time::Instant::now();
    assert_eq!(session.cluster().await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(session.cluster().await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(
        *heard.lock().unwrap(),
        ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]
    );
}

#[tokio::test]
async fn absence_is_an_answer_only_where_the_server_says_so() {
    let cases = [
        (404, r#"{"error_code":"db_not_found"}"#, Some(None)),
        (404, "", Some(None)),
        (404, "<html>not found</html>", None),
        (503, "", None),
        (200, "[]", None),
        (200, "{}", None),
        (200, "", None),
        (200, "<html>", None),
        (200, r#"{"error_code":"no_quorum"}"#, None),
        (
            200,
            r#"{"uid":"7","status":"of tomorrow","more":null}"#,
            Some(Some(BdbUid(7))),
        ),
    ];
    for (status, body, expected) in cases {
        let cluster = cluster(move |_, _| reply(status, body));
        let found = cluster.session.bdb(BdbUid(7)).await.ok();
        assert_eq!(
            found.map(|bdb| bdb.map(|bdb| bdb.uid)),
            expected,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn an_empty_or_strange_list_is_no_picture_of_a_cluster() {
    for body in ["[]", "{}", "", "null", r#"{"error_code":"internal_error"}"#] {
        let cluster = cluster(move |_, _| reply(200, body));
        assert!(cluster.session.nodes().await.is_err(), "{body}");
        assert!(cluster.session.license().await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn no_message_quotes_an_answer_or_a_secret() {
    let bodies = [
        (200, r#"{"uid":"canary-value","status":3}"#),
        (200, r#"{"uid":7,"status":["canary-value"]}"#),
        (
            400,
            r#"{"error_code":"x","description":"bad password canary-password"}"#,
        ),
        (400, "bad password canary-password"),
    ];
    for (status, body) in bodies {
        let cluster = cluster(move |_, _| reply(status, body));
        let error = cluster.session.bdb(BdbUid(7)).await.unwrap_err();
        let password = SecretString::from("canary-value");
        let other = cluster.session.add_password(BdbUid(7), &password).await;
        let shown = format!(
            "{error} {error:?} {other:?} {:?} {:?}",
            cluster.session, cluster.client
        );
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn one_certificate_is_read_and_no_key() {
    let body =
        r#"{"api_key":"KEY","api_cert":"API","proxy_cert":"PROXY","proxy_key":"KEY","more":[1,{"a":null}]}"#;
    let cluster = cluster(move |_, _| reply(200, body));
    let read = |name| cluster.session.certificate(name);
    assert_eq!(read(&CertificateName::Proxy).await, Ok(Some("PROXY".to_owned())));
    assert_eq!(read(&CertificateName::LdapClient).await, Ok(None));
}

#[tokio::test]
async fn a_certificate_answer_that_cannot_be_read_is_an_error() {
    for body in [
        "[]",
        "",
        "{\"api_key\":\"canary",
        r#"{"proxy_cert":{"canary":1}}"#,
        r#"{"more":1} canary"#,
        r#"{"error_code":"x"}"#,
    ] {
        let cluster = cluster(move |_, _| reply(200, body));
        let error = cluster
            .session
            .certificate(&CertificateName::Proxy)
            .await
            .unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn memory_in_use_is_read_in_bytes_or_not_known() {
    let cases = [
        (
            200,
            r#"{"7":{"used_memory":1048576.0,"stime":"x"}}"#,
            Some(1_048_576),
        ),
        (200, r#"{"7":{"used_memory":0.5}}"#, Some(1)),
        (200, r#"{"8":{"used_memory":1.0}}"#, None),
        (200, r#"{"7":{}}"#, None),
        (404, "", None),
        (406, "", None),
    ];
    for (status, body, expected) in cases {
        let cluster = cluster(move |_, _| reply(status, body));
        assert_eq!(
            cluster.session.used_memory_bytes(BdbUid(7)).await,
            Ok(expected),
            "{status} {body}"
        );
        assert_eq!(
            cluster.heard(),
            ["1 GET /v1/bdbs/stats/last/7?metrics=used_memory"]
        );
    }
}
