//! The auditor is worth as much as what it finds: plans that were right in one world are put into another.

use super::*;

/// What the auditor says of a plan in this world.
#[track_caller]
fn judge(plan: &Plan<Action>, case: &Case, expected: Expect) {
    let wrong = audit(&case.object, &case.inputs, &case.observed, plan, now());
    expected.assert_eq(&wrong.iter().map(|rule| format!("{rule}\n")).collect::<String>());
}

fn deletion() -> Plan<Action> {
    let mut case = Case::settled();
    case.delete(DeletionPolicy::Delete);
    case.plan()
}

fn deleting() -> Case {
    let mut case = Case::settled();
    case.delete(DeletionPolicy::Delete);
    case
}

#[test]
fn a_second_creation_is_found() {
    let plan = Case::fresh().plan();
    judge(
        &plan,
        &Case::settled(),
        expect![[r#"
        no second database with our tag
        a database that vanished is not created again
        no second database of the same name
    "#]],
    );
    let sent = Case::fresh().with(|case| case.intent(IntentAction::CreateDatabase, 5, None));
    judge(
        &plan,
        &sent,
        expect![[r#"
        no second creation while the first may still show
    "#]],
    );
    let mut bare = plan.clone();
    bare.steps.remove(0);
    judge(
        &bare,
        &Case::fresh(),
        expect![[r#"
        a call that cannot be repeated follows its intent
    "#]],
    );
}

#[test]
fn a_wrong_deletion_is_found() {
    let plan = deletion();
    judge(
        &plan,
        &Case::settled(),
        expect![[r#"
        deleting calls when it is deleted, and only then
        data goes only under Delete
    "#]],
    );
    judge(
        &plan,
        &deleting().with(|case| case.spec().deletion_policy = None),
        expect![[r#"
        data goes only under Delete
    "#]],
    );
    judge(
        &plan,
        &deleting().with(|case| case.seen().bdbs[0].tags.clear()),
        expect![[r#"
        a database is ours only if no other bears our tag
        a database is ours only if it bears our tag
    "#]],
    );
    judge(
        &plan,
        &deleting().with(|case| case.status().uid = Some(4)),
        expect![[r#"
        the recorded database and no other
    "#]],
    );
    judge(
        &plan,
        &deleting().with(|case| case.inputs.breaker.deletions = 9),
        expect![[r#"
        a mass deletion waits for a human
    "#]],
    );
    let other = deleting().with(|case| case.seen().identity.created_time = NOW.into());
    judge(
        &plan,
        &other,
        expect![[r#"
        no call to a cluster that is not the recorded one
    "#]],
    );
}

#[test]
fn an_early_release_is_found() {
    let release = Plan {
        steps: vec![Step::Release],
        ..Plan::default()
    };
    judge(
        &release,
        &deleting(),
        expect![[r#"
        under Delete nothing is released before its database is gone
    "#]],
    );
    judge(
        &release,
        &Case::settled(),
        expect![[r#"
        only a deleted object is released
    "#]],
    );
}

#[test]
fn a_change_that_nobody_asked_for_is_found() {
    let mut wanted = Case::settled();
    wanted.set("replication", json!(true));
    wanted.set("memory_size", json!(4u64 << 30));
    wanted.spec().replication = Some(false);
    wanted.spec().allow_downgrades = Some(vec![Downgrade::Replication, Downgrade::Memory]);
    let plan = wanted.plan();
    wanted.spec().allow_downgrades = None;
    judge(
        &plan,
        &wanted,
        expect![[r#"
        memory_size falls though Memory is not allowed to
        replication falls though Replication is not allowed to
    "#]],
    );
    judge(
        &plan,
        &Case::settled(),
        expect![[r#"
        memory_size is sent though it is so already
        replication is changed though the spec does not set it
        replication is sent though it is so already
    "#]],
    );
    wanted.bdb_status("active-change-pending");
    judge(
        &plan,
        &wanted,
        expect![[r#"
        no change of a database that is not active
        memory_size falls though Memory is not allowed to
        replication falls though Replication is not allowed to
    "#]],
    );
}

#[test]
fn a_wrong_takeover_is_found() {
    let free = || {
        let mut case = Case::fresh();
        case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
        case.bdb(7, "sessions", None);
        case
    };
    let plan = free().plan();
    judge(
        &plan,
        &free().with(|case| case.spec().adoption_policy = None),
        expect![[r#"
        taken over only if the spec says so
    "#]],
    );
    let owned = free().with(|case| {
        case.seen().bdbs.clear();
        case.bdb(7, "sessions", Some("cr-2"));
    });
    judge(
        &plan,
        &owned,
        expect![[r#"
        only what nobody owns is taken over
    "#]],
    );
}

#[test]
fn an_old_password_that_goes_too_early_is_found() {
    let mut begun = Case::connected();
    begun.password("n3w-secret", "pw/2");
    begun.intent(IntentAction::ChangePassword, 1, Some("pw/2"));
    let plan = begun.plan();
    begun.status().intent = None;
    judge(
        &plan,
        &begun,
        expect![[r#"
        the old password goes after the new one was added
    "#]],
    );
}
