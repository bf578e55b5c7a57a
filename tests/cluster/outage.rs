//! What an unreachable or hung Redis Enterprise does to its objects, and does not do to others.

use crate::live::Result;
use crate::live::eventually;
use crate::live::objects;
use crate::live::resim::Resim;
use crate::site::INTERVAL;
use crate::site::PATIENCE;
use crate::site::run;
use crate::site::site;
use crate::site::start_resim;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;
use std::time::Instant;

async fn power(resim: &Resim, what: &str) -> Result<()> {
    for node in 0..resim.ready.nodes.len() {
        resim
            .admin("POST", &format!("/nodes/{node}/{what}"), &Value::Null)
            .await?;
    }
    Ok(())
}

/// All nodes go in one way, and come back; how long the objects took to say the one and the other.
async fn goes_and_comes_back(name: &'static str, how: &str) -> Result<[Duration; 2]> {
    const OBJECTS: [(&str, &str); 2] = [("RedisCluster", "prod"), ("RedisDatabase", "cache")];
    let site = site(name).start().await?;
    site.apply(&site.cluster()).await?;
    site.apply(&site.database("cache")).await?;
    for (kind, name) in OBJECTS {
        site.ready(kind, name).await?;
    }
    let began = Instant::now();
    power(&site.resim, how).await?;
    for (kind, name) in OBJECTS {
        site.told(kind, name, "Ready", "Unknown", "ClusterUnreachable")
            .await?;
    }
    let gone = began.elapsed();
    let began = Instant::now();
    power(&site.resim, "start").await?;
    for (kind, name) in OBJECTS {
        site.ready(kind, name).await?;
    }
    let back = began.elapsed();
    assert_eq!(site.databases().await?.len(), 1, "an outage is not absence");
    site.assert_silent().await?;
    Ok([gone, back])
}

#[test]
fn an_unreachable_cluster_is_unknown_after_two_intervals_and_comes_back() {
    run(async {
        let [gone, _] = goes_and_comes_back("outage", "crash").await?;
        // Conditions keep whole seconds, so what began within one counts from its start.
        let least = 2 * INTERVAL - Duration::from_secs(1);
        assert!(gone > least, "not before: {gone:?}");
        Ok(())
    });
}

#[test]
fn a_cluster_that_accepts_and_never_answers_is_unknown_before_one_usual_deadline_and_comes_back() {
    run(async {
        let took = goes_and_comes_back("silent", "freeze").await?;
        assert!(
            took.iter().all(|took| *took < Duration::from_secs(30)),
            "the deadlines of reads follow the interval of {INTERVAL:?}: {took:?}"
        );
        Ok(())
    });
}

#[test]
fn one_hung_cluster_of_three_does_not_slow_the_other_two() {
    run(async {
        let site = site("hung").start().await?;
        let mut others = Vec::new();
        for number in [2, 3] {
            let dir = site.dir.join(number.to_string());
            std::fs::create_dir_all(&dir)?;
            let resim = start_resim(&dir, 3, &[]).await?;
            let mut cluster = site.cluster();
            let nodes = resim.ready.nodes.iter().enumerate();
            let nodes: Vec<_> = nodes
                .map(|(at, node)| json!({"name": format!("n{at}"), "address": node.address}))
                .collect();
            cluster["metadata"]["name"] = json!(format!("other-{number}"));
            cluster["spec"]["clusterName"] = json!(format!("other-{number}.example.com"));
            cluster["spec"]["nodes"] = json!(nodes);
            site.apply(&cluster).await?;
            others.push(resim);
        }
        site.apply(&site.cluster()).await?;
        for name in ["prod", "other-2", "other-3"] {
            site.ready("RedisCluster", name).await?;
        }
        power(&site.resim, "freeze").await?;
        for number in 0..10 {
            site.apply(&site.database(&format!("held-{number}"))).await?;
        }
        // While the hung cluster holds every call until its deadline, the others answer at their own pace.
        let began = Instant::now();
        for number in [2, 3] {
            let mut database = site.database(&format!("free-{number}"));
            database["spec"]["clusterRef"]["name"] = json!(format!("other-{number}"));
            site.apply(&database).await?;
        }
        for number in [2, 3] {
            site.ready("RedisDatabase", &format!("free-{number}")).await?;
        }
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(30),
            "shorter than one deadline of the hung cluster: {took:?}"
        );
        Ok(())
    });
}

#[test]
fn a_database_that_vanished_is_reported_and_never_made_again() {
    run(async {
        let site = site("vanished").start().await?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        site.apply(&site.database("cache")).await?;
        site.ready("RedisDatabase", "cache").await?;
        site.rest("DELETE", "/v1/bdbs/1", &Value::Null).await?;
        site.told("RedisDatabase", "cache", "Stalled", "True", "Missing")
            .await?;
        assert!(
            site.databases().await?.is_empty(),
            "an empty database would hide the loss"
        );
        eventually("silence", 30 * INTERVAL, || async {
            let seq = site.resim.last_seq().await?;
            tokio::time::sleep(3 * INTERVAL).await;
            let mutating = site.mutations(seq).await?;
            Ok(if mutating.is_empty() {
                Ok(())
            } else {
                Err(format!("{mutating:?}"))
            })
        })
        .await?;
        let told = objects::condition(&site.get("RedisDatabase", "cache").await?, "Ready");
        assert_eq!(told.status, "False", "{told:?}");
        objects::wait_for(
            &site.client,
            &site.namespace,
            "RedisCluster",
            "prod",
            PATIENCE,
            objects::ready,
        )
        .await?;
        Ok(())
    });
}
