//! What three hundred databases cost, counted in the logs of both servers.

use crate::live::audit;
use crate::live::eventually;
use crate::live::objects;
use crate::site::Site;
use crate::site::run;
use crate::site::site;
use kube::api::ListParams;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

const DATABASES: usize = 300;
/// The operator's interval: long enough that what is counted is what creation costs, not what time does.
const PERIOD: Duration = Duration::from_secs(10);

#[test]
fn three_hundred_databases_cost_one_post_and_three_writes_each_and_nothing_at_rest() {
    run(async {
        let mut site = site("many")
            .nodes(6)
            .resim(&["--node-memory", "64"])
            .interval(PERIOD)
            .start()
            .await?;
        let mut cluster = site.cluster();
        cluster["spec"]["licenseSecretRef"] = json!({"name": "license"});
        let license = license("prod.redis.example.com", 2 * DATABASES)?;
        objects::secret(
            &site.client,
            &site.namespace,
            "license",
            "Opaque",
            &[("license", &license)],
        )
        .await?;
        site.apply(&cluster).await?;
        site.ready("RedisCluster", "prod").await?;
        for number in 0..3 {
            site.apply(&generated(&site, number)).await?;
        }
        all_ready(&site, 3).await?;
        let few = at_rest(&site).await?;

        let (seq, mark) = (site.resim.last_seq().await?, site.mark().await?);
        let began = Instant::now();
        for number in 3..DATABASES {
            site.apply(&generated(&site, number)).await?;
        }
        all_ready(&site, DATABASES).await?;
        costs_of_creation(&site, seq, mark, began.elapsed(), few.0.values().sum()).await?;
        let many = at_rest(&site).await?;
        assert_eq!(
            few.0, many.0,
            "REST calls per interval do not grow with the number of databases"
        );
        assert_eq!(
            few.1, many.1,
            "nor do Kubernetes reads, the slow round of Secrets apart"
        );

        site.assert_restart_changes_nothing().await
    });
}

/// A database with a generated password and a connection Secret.
fn generated(site: &Site, number: usize) -> Value {
    let name = format!("db-{number}");
    let mut database = site.database(&name);
    database["spec"]["passwordSecretRef"] = json!({"name": format!("{name}-password"), "generate": true});
    database["spec"]["connectionSecret"] = json!({"name": format!("{name}-conn")});
    database
}

fn license(cluster_name: &str, shards: usize) -> crate::live::Result<String> {
    let args = [
        "license",
        "--cluster-name",
        cluster_name,
        "--shards",
        &shards.to_string(),
        "--days",
        "30",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_resim")).args(args).output()?;
    Ok(String::from_utf8(output.stdout)?)
}

async fn all_ready(site: &Site, count: usize) -> crate::live::Result<()> {
    let api = objects::api(&site.client, &site.namespace, "RedisDatabase");
    eventually("every database", Duration::from_secs(300), || async {
        let list = api.list(&ListParams::default()).await?;
        let unready: Vec<_> = list
            .iter()
            .filter(|object| objects::ready(object).is_err())
            .collect();
        Ok(if list.items.len() == count && unready.is_empty() {
            Ok(())
        } else {
            let first = unready
                .first()
                .map(|object| object.data.to_string())
                .unwrap_or_default();
            Err(format!(
                "{} of {count} are not ready, such as {first}",
                unready.len()
            ))
        })
    })
    .await
}

/// What it cost, apart from what an interval costs at rest: how long all this `took` is the machine's affair.
async fn costs_of_creation(
    site: &Site,
    seq: u64,
    mark: audit::Mark,
    took: Duration,
    gets_at_rest: usize,
) -> crate::live::Result<()> {
    let intervals = (took.as_secs() / PERIOD.as_secs()) as usize + 1;
    let new = DATABASES - 3;
    let calls: Vec<_> = site
        .resim
        .log(seq)
        .await?
        .into_iter()
        .filter(|call| call.by_operator())
        .collect();
    let posts = calls
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/v1/bdbs")
        .count();
    assert_eq!(posts, new, "one POST for each database");
    let mutating = calls.iter().filter(|call| call.is_mutating()).count();
    assert_eq!(mutating, new, "and no other mutating call");
    let gets: Vec<_> = calls.iter().filter(|call| !call.is_mutating()).collect();
    // While something is under way one look a second, of three GETs, serves all databases.
    let most = 3 * (took.as_secs() as usize + 1) + intervals * gets_at_rest;
    assert!(
        gets.len() <= most,
        "{} GETs within {took:?}, more than {most}",
        gets.len()
    );
    let alone = gets.iter().find(|call| call.path.starts_with("/v1/bdbs/"));
    assert!(
        alone.is_none(),
        "nothing is asked of one database alone: {alone:?}"
    );

    let requests = site.requests(mark).await?;
    let mut writes: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for entry in audit::writes(&requests) {
        writes
            .entry((entry.resource(), entry.name()))
            .or_default()
            .push(entry.text());
    }
    for ((resource, name), texts) in &writes {
        let most = match *resource {
            "redisdatabases" => 3,
            "secrets" => 1,
            // Its figures follow, once an interval at most.
            "redisclusters" => intervals + 2,
            "events" => continue,
            other => return Err(format!("unexpected writes to {other} {name}: {texts:?}").into()),
        };
        assert!(
            texts.len() <= most,
            "{resource} {name} was written {} times: {texts:?}",
            texts.len()
        );
    }
    Ok(())
}

/// REST calls, and Kubernetes reads other than those of databases' Secrets, within three intervals at rest.
async fn at_rest(site: &Site) -> crate::live::Result<(BTreeMap<String, usize>, usize)> {
    site.assert_silent().await?;
    let (seq, mark) = (site.resim.last_seq().await?, site.mark().await?);
    tokio::time::sleep(3 * PERIOD).await;
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in site
        .resim
        .log(seq)
        .await?
        .into_iter()
        .filter(|call| call.by_operator())
    {
        *calls.entry(format!("{} {}", call.method, call.path)).or_default() += 1;
    }
    // Three intervals, give or take one at the edges.
    for count in calls.values_mut() {
        *count = (*count + 1) / 3;
    }
    let requests = site.requests(mark).await?;
    let reads = requests
        .iter()
        .filter(|entry| entry.verb == "get" && entry.resource() != "leases");
    let reads = reads.filter(|entry| !entry.name().starts_with("db-")).count();
    Ok((calls, (reads + 1) / 3))
}
