//! What deletions look like.

use super::*;

#[test]
fn a_deletion_that_is_held_says_how_to_let_go() {
    let mut life = settled();
    life.case.delete(DeletionPolicy::Delete);
    life.fails(unreachable("refused"), false);
    life.case.observed = Observed::Unasked;
    life.later(60).pass().check(expect![[r#"
        Ready=Unknown ClusterUnreachable: RedisCluster redis/prod does not answer; see its conditions
        Synced=Unknown ClusterUnreachable: RedisCluster redis/prod does not answer; see its conditions
        DeletionBlocked=True ClusterUnreachable: delete database sessions: RedisCluster redis/prod cannot be asked; the database is deleted as soon as that is mended; to let the object go and leave the database: kubectl annotate redisdatabase -n redis sessions regent.dev/on-delete=orphan
        PasswordSynced=True InSync: the database has the password of the Secret
        next Backoff
    "#]]);
}

#[test]
fn a_deletion_is_told_step_by_step() {
    let mut life = settled();
    life.case.delete(DeletionPolicy::Delete);
    life.pass().check(expect![[r#"
        Ready=False Deleting: delete database sessions: Redis Enterprise is deleting it
        Synced=True InSync: what the spec sets is what is there
        Reconciling=True Deleting: delete database sessions: Redis Enterprise is deleting it
        PasswordSynced=True InSync: the database has the password of the Secret
        - Deleting database 3 is being deleted with its data
        next Soon
    "#]]);
    life.case.bdb_status("delete-pending");
    life.later(3).pass();
    life.case.seen().bdbs.clear();
    life.events.clear();
    life.later(3).pass();
    assert_eq!(life.events, ["- Deleted database 3 and its data are gone"]);
    assert_eq!(life.visit, Visit::Never);
}

#[test]
fn the_ways_in_which_an_object_goes_are_told_apart() {
    let gone = |change: fn(&mut Case)| {
        let mut life = settled();
        life.case.delete(DeletionPolicy::Delete);
        change(&mut life.case);
        life.pass().events.join("\n") + "\n"
    };
    let told = [
        gone(|case| case.spec().deletion_policy = None),
        gone(|case| case.annotate("regent.dev/on-delete", "orphan")),
        gone(|case| case.inputs.cluster_exists = false),
        gone(|case| case.seen().bdbs[0].tags.clear()),
        gone(|case| (case.status().uid, case.seen().bdbs) = (None, Vec::new())),
    ];
    expect![[r#"
        - Released database 3 of cluster prod.example.com stays; spec.adoptionPolicy: IfUnowned takes it over again
        ! Orphaned database 3 of cluster prod.example.com stays, with our tag
        ! OrphanedOnDelete the RedisCluster is gone, so database 3 of cluster prod.example.com could not be deleted; it stays
        ! NotOwned database 3 does not bear our tag; it stays
        - Released nothing had been created
    "#]].assert_eq(&told.concat());
}
