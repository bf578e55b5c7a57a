//! What it costs, counted.

use crate::support::site::INTERVAL;
use crate::support::site::Site;
use crate::support::site::databases;
use crate::support::site::empty;
use crate::support::site::many;

/// Requests of an interval at rest.
async fn at_rest(site: &Site) -> usize {
    let before = site.requests();
    tokio::time::sleep(10 * INTERVAL).await;
    (site.requests() - before).div_ceil(10)
}

#[tokio::test(start_paused = true)]
async fn three_hundred_databases_cost_one_post_and_three_writes_each() {
    let site = empty().await;
    let idle = at_rest(&site).await;
    let (requests, begin) = (site.requests(), tokio::time::Instant::now());
    databases(&site, 300);
    site.settle().await;
    let intervals = usize::try_from(begin.elapsed().as_secs().div_ceil(INTERVAL.as_secs())).unwrap();
    assert_eq!(site.effective("POST", "/v1/bdbs"), 300);
    assert_eq!(
        site.mutations()
            .iter()
            .filter(|call| call.starts_with("POST /v1/bdbs "))
            .count(),
        300
    );
    for number in 0..300 {
        let name = format!("db-{number}");
        site.assert_ready("redisdatabases", &name);
        let writes = site.writes_to("redisdatabases", &name);
        assert!(
            writes.len() <= 3,
            "{writes:#?} {:#}",
            site.api.object("redisdatabases", &name).unwrap()
        );
        for secret in ["password", "conn"] {
            assert_eq!(site.writes_to("secrets", &format!("{name}-{secret}")).len(), 1);
        }
    }
    let gets = site.requests() - requests - 300;
    let budget = 90 + idle * intervals;
    assert!(
        gets <= budget,
        "{gets} reads; {idle} per interval at rest, for {intervals} intervals"
    );
    site.assert_silent().await;
}

#[tokio::test(start_paused = true)]
async fn at_rest_three_databases_cost_as_much_as_three_hundred() {
    let (few, lots) = (many(3).await, many(300).await);
    assert_eq!(at_rest(&few).await, at_rest(&lots).await);
}

#[tokio::test(start_paused = true)]
async fn a_restart_changes_nothing() {
    let mut site = many(30).await;
    let before = site.mark();
    site.start();
    site.settle().await;
    assert_eq!(site.mark(), before);
}

#[tokio::test(start_paused = true)]
async fn a_printed_plan_costs_no_more_for_many_databases_than_for_few() {
    let site = many(30).await;
    let before = (site.requests(), site.mark());
    let plan = site.plan().await;
    assert!(plan.contains("db-29"), "{plan}");
    let cost = site.requests() - before.0;
    assert!(cost <= 20, "{cost} requests");
    assert_eq!(site.mark(), before.1, "it touches nothing");
}
