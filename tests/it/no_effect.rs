//! Changes that Redis Enterprise accepts and that are not there afterwards: told, and not made again without end.

use crate::support::manifests::CLUSTER;
use crate::support::manifests::cluster;
use crate::support::site::Site;
use crate::support::site::config;
use regent::sim;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

/// A cluster that ignores read-only fields; `settings` are set from the beginning.
async fn ignoring(settings: Value) -> Site {
    let mut config = config(3);
    config.switches = config.switches.with(sim::Switch::ReadOnlyFieldsIgnored);
    let mut site = Site::new(sim::World::new(config));
    let mut wanted = cluster(3);
    wanted["spec"]["settings"] = settings;
    site.api.apply("redisclusters", wanted);
    site.start();
    site.settle().await;
    site
}

fn stalled(site: &Site) -> String {
    site.condition("redisclusters", CLUSTER, "Stalled").1
}

fn puts(site: &Site) -> usize {
    let calls = site.mutations();
    calls.iter().filter(|call| *call == "PUT /v1/cluster 200").count()
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_is_accepted_and_ignored_is_told_and_set_every_ten_minutes_at_most() {
    let site = ignoring(json!({"handleRedirects": true, "extra": {"slave_ha_grace_period": "123"}})).await;
    assert_eq!(stalled(&site), "NoEffect");
    let message = site.message("redisclusters", CLUSTER, "Stalled");
    assert!(message.contains("set cluster slave_ha_grace_period"), "{message}");
    let synced = site.message("redisclusters", CLUSTER, "Synced");
    assert!(
        synced.contains("spec.settings.extra[slave_ha_grace_period]"),
        "{synced}"
    );
    assert_eq!(site.peek("/v1/cluster")["handle_redirects"], true);
    site.assert_silent().await;

    let (before, mark) = (puts(&site), site.mark());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let (again, writes) = (puts(&site) - before, site.mark().writes - mark.writes);
    assert!((1..=6).contains(&again), "{again} times in an hour");
    assert_eq!(writes, 0, "nothing new is told");
}

#[tokio::test(start_paused = true)]
async fn what_was_ignored_is_over_when_the_spec_gives_it_up() {
    let site = ignoring(json!({"extra": {"slave_ha_grace_period": "123"}})).await;
    assert_eq!(stalled(&site), "NoEffect");
    site.api.edit("redisclusters", CLUSTER, |object| {
        object["spec"]["settings"] = json!({"cmSessionTimeoutMinutes": 21})
    });
    site.settle().await;
    assert_eq!(stalled(&site), "");
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(site.peek("/v1/cluster")["cm_session_timeout_minutes"], 21);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_somebody_keeps_undoing_is_told_and_made_for_good_when_they_stop() {
    let site = ignoring(json!({"cmSessionTimeoutMinutes": 20})).await;
    site.assert_ready("redisclusters", CLUSTER);
    let before = puts(&site);
    for _ in 0..300 {
        if site.peek("/v1/cluster")["cm_session_timeout_minutes"] != 5 {
            site.meddle("PUT", "/v1/cluster", &json!({"cm_session_timeout_minutes": 5}));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(stalled(&site), "NoEffect");
    assert_eq!(puts(&site) - before, 2);

    tokio::time::sleep(Duration::from_secs(700)).await;
    assert_eq!(stalled(&site), "");
    site.assert_ready("redisclusters", CLUSTER);
    assert_eq!(site.peek("/v1/cluster")["cm_session_timeout_minutes"], 20);
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn drift_that_comes_now_and_then_is_put_back_each_time() {
    let site = ignoring(json!({"cmSessionTimeoutMinutes": 20})).await;
    let before = puts(&site);
    for _ in 0..5 {
        site.meddle("PUT", "/v1/cluster", &json!({"cm_session_timeout_minutes": 5}));
        site.settle().await;
        assert_eq!(site.peek("/v1/cluster")["cm_session_timeout_minutes"], 20);
    }
    assert_eq!(puts(&site) - before, 5);
    assert_eq!(stalled(&site), "");
}
