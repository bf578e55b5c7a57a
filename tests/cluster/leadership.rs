//! Two replicas, one leader; a leader that was away too long does nothing.

use crate::live::eventually;
use crate::site::PATIENCE;
use crate::site::run;
use crate::site::site;
use serde_json::json;

const QUICK: [&str; 4] = ["--lease-duration", "5s", "--takeover-grace", "1s"];

#[test]
fn of_two_replicas_one_leads_and_the_other_takes_over() {
    run(async {
        let mut site = site("replicas").operator(&QUICK).start().await?;
        let mut second = site.another_operator("second")?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        let (_, first_metrics) = site
            .operator
            .as_mut()
            .ok_or("the operator runs")?
            .http("/metrics")
            .await?;
        let (_, second_metrics) = second.http("/metrics").await?;
        let leads = |metrics: &str| metrics.lines().any(|line| line == "regent_leader 1");
        assert!(
            leads(&first_metrics) != leads(&second_metrics),
            "exactly one leads"
        );
        assert_eq!(
            second.http("/readyz").await?.0,
            200,
            "the one that waits is ready as well"
        );

        site.operator
            .take()
            .ok_or("the operator runs")?
            .process()
            .kill()?;
        site.apply(&site.database("cache")).await?;
        site.ready("RedisDatabase", "cache").await?;
        assert_eq!(site.databases().await?.len(), 1);
        site.operator = Some(second);
        site.assert_silent().await
    });
}

#[test]
fn a_paused_leader_that_wakes_after_its_lease_was_lost_sends_nothing() {
    run(async {
        let mut site = site("paused").operator(&QUICK).start().await?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        let mut sleeper = site.operator.take().ok_or("the operator runs")?;
        sleeper.process().signal("STOP")?;
        site.start_operator("second")?;
        // Something for both to do: the sleeper sees it the moment that it wakes.
        site.apply(&site.database("cache")).await?;
        site.ready("RedisDatabase", "cache").await?;
        let seq = site.resim.last_seq().await?;
        let mut database = site.database("cache");
        database["spec"]["memorySize"] = json!("200Mi");
        site.apply(&database).await?;
        sleeper.process().signal("CONT")?;
        eventually("the old leader to end", PATIENCE, || {
            let alive = sleeper.process().check().is_ok();
            async move {
                Ok(if alive {
                    Err("it still runs".to_owned())
                } else {
                    Ok(())
                })
            }
        })
        .await?;
        site.ready("RedisDatabase", "cache").await?;
        let puts = site.mutations(seq).await?;
        assert_eq!(
            puts.len(),
            1,
            "one of the two changed the database, once: {puts:?}"
        );
        assert_eq!(site.databases().await?.len(), 1);
        site.assert_silent().await
    });
}
