//! What goes wrong as planned, as a client sees it at its socket.

use super::*;
use std::io::ErrorKind;

/// How a connection ended.
#[derive(Debug, PartialEq)]
enum End {
    /// In order, by a close of TLS and of the socket.
    Closed,
    /// By a reset.
    Reset,
}

impl Served {
    /// Turns e-mail alerts on over a connection of its own; what comes back, and how that ends.
    async fn turn_on(&self) -> (String, End) {
        let mut stream = self.connect(0).await;
        stream.write_all(TURN_ON.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = match stream.read_to_end(&mut answer).await {
            Ok(_) => End::Closed,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("{error}"),
        };
        (String::from_utf8(answer).unwrap(), end)
    }

    /// Whether e-mail alerts are on; turns them off.
    fn took_effect(&self) -> bool {
        let mut world = self.live.world();
        let settings = &mut world.clusters.values_mut().next().unwrap().settings;
        settings.insert("email_alerts".to_owned(), json!(false)) == Some(json!(true))
    }
}

/// With the login `admin@example.com:secret`.
const TURN_ON: &str = "PUT /v1/cluster HTTP/1.1\r\nhost: x\r\nauthorization: Basic YWRtaW5AZXhhbXBsZS5jb206c2VjcmV0\r\n\
    connection: close\r\ncontent-length: 22\r\n\r\n{\"email_alerts\": true}";

#[tokio::test]
async fn who_gets_no_answer_sees_a_close_or_a_reset() {
    let served = Served::new(true).await;
    for (effect, end, acts) in [
        (Effect::LostReply, End::Closed, true),
        (Effect::LostRequest, End::Closed, false),
        (Effect::Reset, End::Reset, false),
    ] {
        served.fault(effect.clone());
        let seen = served.turn_on().await;
        assert_eq!(seen, (String::new(), end), "{effect:?}");
        assert_eq!(served.took_effect(), acts, "{effect:?}");
    }
    let (answer, end) = served.turn_on().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!((end, served.took_effect()), (End::Closed, true));
}

#[tokio::test]
async fn an_answer_cut_short_or_in_pieces_comes_like_that() {
    let served = Served::new(true).await;
    served.fault(Effect::TruncateAt(10));
    let (answer, _) = served.send(0, "GET", "/v1/nodes", "").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let whole: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(body.len() == 10 && whole > 10, "{answer}");
    let (answer, orderly) = served.send(0, "GET", "/v1/nodes", "").await;
    assert!(orderly && answer.ends_with(']'), "{answer}");
    // The served world's time is a thousand times as fast.
    served.fault(Effect::SlowBody {
        bytes: 500,
        every_ms: 20_000,
    });
    let began = Instant::now();
    let (slow, orderly) = served.send(0, "GET", "/v1/nodes", "").await;
    assert!(orderly && slow.ends_with(']'), "{slow}");
    let body = slow.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(body.len(), answer.split_once("\r\n\r\n").unwrap().1.len());
    let pauses = u32::try_from(body.len().div_ceil(500)).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(20) * pauses && pauses > 2);
}

#[tokio::test]
async fn a_delayed_answer_takes_its_time_and_its_effect_does_not() {
    let served = Served::new(true).await;
    // The served world's time is a thousand times as fast: a fifth of a second.
    served.fault(Effect::DelayMs(200_000));
    let began = Instant::now();
    let (answer, end) = served.turn_on().await;
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!((end, served.took_effect()), (End::Closed, true));
    // Eleven days of real time.
    served.fault(Effect::DelayMs(1_000_000_000_000));
    let mut stream = served.connect(0).await;
    stream.write_all(TURN_ON.as_bytes()).await.unwrap();
    while !served.took_effect() {
        tokio::task::yield_now().await;
    }
    assert_silent(&mut stream).await;
}

/// Nothing comes for 100 simulated seconds, and the connection stays open.
async fn assert_silent(stream: &mut (impl AsyncReadExt + Unpin)) {
    let waited = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 1])).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn silence_is_an_open_connection_without_an_answer_or_an_effect() {
    let served = Served::new(true).await;
    served.fault(Effect::Silence);
    let mut stream = served.connect(0).await;
    stream.write_all(TURN_ON.as_bytes()).await.unwrap();
    assert_silent(&mut stream).await;
    assert!(!served.took_effect());
    let (answer, _) = served.turn_on().await;
    assert!(
        answer.starts_with("HTTP/1.1 200"),
        "others are answered: {answer}"
    );
    assert_silent(&mut stream).await;
}

#[tokio::test]
async fn a_crash_after_the_effect_closes_the_connection_and_resets_those_that_follow() {
    let served = Served::new(true).await;
    served.fault(Effect::CrashAfter);
    assert_eq!(served.turn_on().await, (String::new(), End::Closed));
    assert!(served.took_effect());
    let mut next = TcpStream::connect(served.nodes[0]).await.unwrap();
    let error = next.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    served.live.world().power_on(NodeIndex(0));
    assert!(!served.shown(0).await.is_empty());
}

#[tokio::test]
async fn time_goes_on_from_where_it_jumped_to() {
    let served = Served::new(true).await;
    let before = served.live.world().now();
    served.fault(Effect::ClockJump(1_000_000));
    served.send(0, "GET", "/v1/nodes", "").await;
    let jumped = served.live.world().now();
    assert!(jumped.duration_since(before).as_secs() >= 1_000_000);
    sleep(Duration::from_millis(20)).await;
    let passed = served.live.world().now().duration_since(jumped).as_secs();
    assert!((10..100_000).contains(&passed), "{passed}");
}
