//! A cluster that refuses, hangs or is slow: what its objects say, when, and how they come back.

use crate::support::certs;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::certificate;
use crate::support::manifests::cluster;
use crate::support::manifests::database;
use crate::support::manifests::tls_secret;
use crate::support::site::Site;
use regent::sim::Effect;
use regent::sim::FaultPlan;
use regent::sim::NodeIndex;
use regent::sim::Rule;
use std::time::Duration;
use tokio::time::Instant;

const OBJECTS: [(&str, &str); 4] = [
    ("redisclusters", CLUSTER),
    ("redisdatabases", "cache"),
    ("clustercertificates", "api"),
    ("clustercertificates", "proxy"),
];

/// A cluster with a database and two certificates, all Ready, looked at every `interval`.
async fn at_rest(interval: Duration) -> Site {
    let mut site = Site::fresh(3);
    site.interval = interval;
    site.api.apply("redisclusters", cluster(3));
    site.api.apply("redisdatabases", database("cache"));
    for role in ["api", "proxy"] {
        site.api.apply("secrets", tls_secret(role, &certs::own(&site)));
        site.api.apply("clustercertificates", certificate(role));
    }
    site.start();
    site.settle().await;
    assert_all_ready(&site);
    site
}

fn assert_all_ready(site: &Site) {
    for (plural, name) in OBJECTS {
        site.assert_ready(plural, name);
    }
}

fn power(site: &Site, what: impl Fn(&mut regent::sim::World, NodeIndex)) {
    (0..3).for_each(|node| what(&mut site.machines.world(), NodeIndex(node)));
}

/// How long it takes until every object says this of `Ready`.
async fn until_ready_is(site: &Site, told: (&str, &str)) -> Duration {
    let began = Instant::now();
    loop {
        let conditions = OBJECTS.map(|(plural, name)| site.condition(plural, name, "Ready"));
        if conditions
            .iter()
            .all(|(status, reason)| (status.as_str(), reason.as_str()) == told)
        {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(600), "{conditions:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Goes down in one way, and comes back. `patience` is what a read of the cluster and a handshake may take.
async fn goes_and_comes_back(
    interval: Duration,
    down: fn(&mut regent::sim::World, NodeIndex),
    patience: Duration,
) {
    let site = at_rest(interval).await;
    let before = site.mark();
    power(&site, down);
    let gone = until_ready_is(&site, ("Unknown", "ClusterUnreachable")).await;
    // The first look that fails begins within an interval; two more pass from its end on; a retry is not far then.
    let (least, most) = (2 * interval, 3 * interval + patience + Duration::from_secs(5));
    assert!(
        least <= gone && gone <= most,
        "every {interval:?}: Unknown after {gone:?}, not within {least:?} to {most:?}"
    );
    power(&site, regent::sim::World::power_on);
    let back = until_ready_is(&site, ("True", "Available")).await;
    let most = interval.mul_f32(1.1) + patience + Duration::from_secs(10);
    assert!(
        back <= most,
        "every {interval:?}: Ready after {back:?}, not within {most:?}"
    );
    assert_eq!(site.mark().requests, before.requests, "an outage changes nothing");
    site.settle().await;
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_refuses_is_unknown_after_two_intervals_and_comes_back() {
    for secs in [1, 30] {
        let interval = Duration::from_secs(secs);
        goes_and_comes_back(interval, regent::sim::World::crash, Duration::ZERO).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_hangs_is_unknown_after_two_intervals_and_comes_back() {
    for (secs, patience) in [(1, 14), (15, 20), (30, 40)] {
        let (interval, patience) = (Duration::from_secs(secs), Duration::from_secs(patience));
        goes_and_comes_back(interval, regent::sim::World::freeze, patience).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_member_that_hangs_hides_its_certificates_and_nothing_else() {
    let site = at_rest(Duration::from_secs(10)).await;
    // The first one is asked first.
    site.machines.world().freeze(NodeIndex(0));
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for (plural, name) in &OBJECTS[..2] {
            assert_ne!(
                site.condition(plural, name, "Ready").0,
                "Unknown",
                "{plural}/{name}"
            );
        }
    }
    for (plural, name) in &OBJECTS[2..] {
        assert_eq!(
            site.condition(plural, name, "Ready"),
            ("Unknown".into(), "ClusterUnreachable".into())
        );
        let message = site.message(plural, name, "Ready");
        assert!(message.ends_with("could not be read: n1"), "{message}");
    }
    site.machines.world().power_on(NodeIndex(0));
    site.settle().await;
    assert_all_ready(&site);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_takes_eight_seconds_for_an_answer_is_slow_and_not_unknown() {
    let site = at_rest(Duration::from_secs(1)).await;
    let slow = Rule {
        method: None,
        path: None,
        node: None,
        skip: 0,
        count: None,
        effect: Effect::DelayMs(8000),
    };
    site.machines.world().set_faults(FaultPlan { rules: vec![slow] });
    site.assert_silent().await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_all_ready(&site);
    }
    site.api.edit("redisdatabases", "cache", |object| {
        object["spec"]["memorySize"] = "200Mi".into();
    });
    site.settle().await;
    assert_eq!(site.bdb("cache")["memory_size"], 200 << 20);
    site.assert_silent().await;
}
