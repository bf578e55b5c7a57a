//! The process may stop at any effect, and the answer to any effect may be lost: everything ends in one cluster and one
//! database all the same.

use crate::support::certs;
use crate::support::effects::PHASES;
use crate::support::effects::Phase;
use crate::support::manifests::CLUSTER;
use crate::support::manifests::certificate;
use crate::support::manifests::cluster;
use crate::support::manifests::database;
use crate::support::manifests::tls_secret;
use crate::support::site::Site;
use crate::support::site::other_side;
use serde_json::json;

/// Effects of the workload when nothing goes wrong: calls that change Redis Enterprise, writes to objects, Secrets.
const EFFECTS: usize = 42;

/// Three fresh machines, a database with a generated password and a connection Secret, and a certificate.
fn workload() -> Site {
    let site = Site::fresh(3);
    site.api.apply("redisclusters", cluster(3));
    let mut object = database("cache");
    object["spec"]["passwordSecretRef"] = json!({"name": "cache-password", "generate": true});
    object["spec"]["connectionSecret"] = json!({"name": "cache-conn"});
    site.api.apply("redisdatabases", object);
    site.api.apply("secrets", tls_secret("proxy", &certs::own(&site)));
    site.api.apply("clustercertificates", certificate("proxy"));
    site
}

/// Everything is there, once.
fn check(site: &Site, what: &str) {
    assert_eq!(site.machines.world().clusters(), 1, "{what}");
    assert_eq!(site.peek("/v1/nodes").as_array().unwrap().len(), 3, "{what}");
    assert_eq!(site.bdbs().len(), 1, "{what}");
    let password = site.secret("cache-password", "password");
    assert_eq!(site.secret("cache-conn", "password"), password, "{what}");
    assert_eq!(
        site.bdb("cache")["authentication_redis_pass"].as_str(),
        password.as_deref(),
        "{what}"
    );
    site.assert_ready("redisclusters", CLUSTER);
    site.assert_ready("redisdatabases", "cache");
    site.assert_ready("clustercertificates", "proxy");
}

async fn stop_at(number: usize, phase: Phase, what: &str) {
    let what = format!("{phase:?} at {number}, {what}");
    let mut site = workload();
    site.effects.trap(number, phase);
    site.start();
    site.run_into_trap().await;
    assert!(site.effects.is_sprung(), "never came to it: {what}");
    site.start();
    site.settle().await;
    check(&site, &what);
    site.assert_silent().await;
}

async fn trace() -> Vec<String> {
    let mut site = workload();
    site.start();
    site.settle().await;
    check(&site, "nothing goes wrong");
    site.assert_silent().await;
    site.effects.trace()
}

#[tokio::test(start_paused = true)]
async fn the_workload_has_as_many_effects_as_it_had() {
    let trace = trace().await;
    // On the other side the certificate's status is written twice less: the database comes later.
    let effects = if other_side() { EFFECTS - 2 } else { EFFECTS };
    assert_eq!(trace.len(), effects, "{trace:#?}");
}

async fn every_effect(phase: Phase) {
    for (number, what) in trace().await.iter().enumerate() {
        stop_at(number, phase, what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_process_stops_before_any_effect() {
    every_effect(PHASES[0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_process_stops_after_any_effect() {
    every_effect(PHASES[1]).await;
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_any_effect_is_lost() {
    every_effect(PHASES[2]).await;
}
