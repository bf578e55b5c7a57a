use super::*;

fn deleting(policy: DeletionPolicy) -> Case {
    let mut case = Case::settled();
    case.delete(policy);
    case
}

#[test]
fn retain_marks_the_database_and_lets_the_object_go() {
    deleting(DeletionPolicy::Retain).check(
        |_| {},
        expect![[r#"
        do    mark database 3 as released: tags regent_owner=released:cr-1:2026-06-01T12:00:00Z
        do    release the object
    "#]],
    );
}

#[test]
fn retain_never_waits_for_a_cluster_that_does_not_answer() {
    deleting(DeletionPolicy::Retain).check(
        |case| case.observed = Observed::Unasked,
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn retain_waits_a_minute_for_a_database_that_is_changing() {
    deleting(DeletionPolicy::Retain).check(
        |case| case.bdb_status("active-change-pending"),
        expect![[r#"
        wait  release database sessions: Updating (its status is active-change-pending)
    "#]],
    );
    deleting(DeletionPolicy::Retain).check(
        |case| {
            case.bdb_status("active-change-pending");
            case.object.metadata.deletion_timestamp = Some(Time(now() - jiff::SignedDuration::from_secs(60)));
        },
        expect![[r#"
            do    release the object
        "#]],
    );
}

#[test]
fn delete_deletes_what_is_proved_ours_after_its_intent() {
    deleting(DeletionPolicy::Delete).check(
        |_| {},
        expect![[r#"
        do    record: DeleteDatabase 3
        do    delete database 3 and its data
    "#]],
    );
}

#[test]
fn a_deletion_whose_reply_was_lost_is_sent_again_if_nothing_came_of_it() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.intent(IntentAction::DeleteDatabase, 5, None),
        expect![[r#"
        do    delete database 3 and its data
    "#]],
    );
}

#[test]
fn a_deletion_is_waited_for_and_then_the_object_goes() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.bdb_status("delete-pending"),
        expect![[r#"
        wait  delete database sessions: Deleting (Redis Enterprise is deleting it)
    "#]],
    );
    deleting(DeletionPolicy::Delete).check(
        |case| case.seen().bdbs.clear(),
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn a_database_that_is_changing_is_deleted_afterwards() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.bdb_status("active-change-pending"),
        expect![[r#"
        wait  delete database sessions: Updating (its status is active-change-pending)
    "#]],
    );
}

#[test]
fn what_failed_to_be_created_can_be_deleted() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.bdb_status("creation-failed"),
        expect![[r#"
        do    record: DeleteDatabase 3
        do    delete database 3 and its data
    "#]],
    );
}

#[test]
fn a_creation_still_under_way_is_waited_for_before_the_object_goes() {
    let sent = |age_secs| {
        [DeletionPolicy::Delete, DeletionPolicy::Retain].map(|policy| {
            Case::fresh().with(|case| {
                case.delete(policy);
                case.intent(IntentAction::CreateDatabase, age_secs, None);
            })
        })
    };
    Case::check_all(
        sent(119),
        expect![[r#"
        wait  delete database sessions: OutcomeUnknown (its creation was sent, and Redis Enterprise does not show it yet)
    "#]],
    );
    Case::check_all(
        sent(120),
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn what_never_was_is_no_obstacle() {
    let cases = [Observed::Unasked, Case::fresh().observed].map(|observed| {
        Case::fresh().with(|case| {
            case.delete(DeletionPolicy::Delete);
            case.observed = observed;
        })
    });
    Case::check_all(
        cases,
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn without_the_cluster_object_the_database_stays() {
    deleting(DeletionPolicy::Delete).check(
        |case| {
            case.inputs.cluster_exists = false;
            case.observed = Observed::Unasked;
        },
        expect![[r#"
            do    release the object
        "#]],
    );
}

#[test]
fn a_database_that_is_not_ours_is_never_deleted() {
    let cases = [None, Some("cr-2"), Some("released:cr-1:2026-05-01T00:00:00Z")].map(|owner| {
        deleting(DeletionPolicy::Delete).with(|case| {
            case.seen().bdbs.clear();
            case.bdb(3, "sessions", owner);
        })
    });
    Case::check_all(
        cases,
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn two_databases_with_our_tag_hold_the_deletion() {
    deleting(DeletionPolicy::Delete).check(|case| _ = case.bdb(4, "sessions", Some(UID)), expect![[r#"
        hold  database sessions: OwnershipConflict (the tag regent_owner=cr-1 is on databases 3 and 4, while database 3 is recorded; none is touched; take the tag off all but the right one)
    "#]]);
    deleting(DeletionPolicy::Retain).check(
        |case| _ = case.bdb(4, "sessions", Some(UID)),
        expect![[r#"
        do    release the object
    "#]],
    );
}

#[test]
fn another_cluster_holds_the_deletion() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.seen().identity.created_time = "2026-05-05T00:00:00Z".into(),
        expect![[r#"
            hold  delete database sessions: IdentityMismatch (cluster prod.example.com created 2026-05-05T00:00:00Z answers, but cluster prod.example.com created 2026-01-01T00:00:00Z is recorded; nothing is sent; if the cluster was rebuilt on purpose, delete this object with the annotation regent.dev/on-delete: orphan and apply it again; the database is deleted as soon as that is mended; to let the object go and leave the database: kubectl annotate redisdatabase -n redis sessions regent.dev/on-delete=orphan)
        "#]],
    );
}

#[test]
fn a_cluster_that_cannot_be_asked_holds_the_deletion_and_the_way_out_is_named() {
    deleting(DeletionPolicy::Delete).check(|case| case.observed = Observed::Unasked, expect![[r#"
        hold  delete database sessions: ClusterUnreachable (RedisCluster redis/prod cannot be asked; the database is deleted as soon as that is mended; to let the object go and leave the database: kubectl annotate redisdatabase -n redis sessions regent.dev/on-delete=orphan)
    "#]]);
    deleting(DeletionPolicy::Delete).check(
        |case| {
            let (what, why) = ("reach RedisCluster redis/prod".to_owned(), Reason::CredentialsRejected);
            case.inputs.access = Err(Hold { what, why, detail: "Redis Enterprise rejects Secret prod-admin".into() });
            case.observed = Observed::Unasked;
        },
        expect![[r#"
            hold  delete database sessions: CredentialsRejected (Redis Enterprise rejects Secret prod-admin; the database is deleted as soon as that is mended; to let the object go and leave the database: kubectl annotate redisdatabase -n redis sessions regent.dev/on-delete=orphan)
        "#]],
    );
}

#[test]
fn a_mass_deletion_waits_for_a_word() {
    deleting(DeletionPolicy::Delete).check(|case| case.inputs.breaker.deletions = 4, expect![[r#"
        hold  delete database sessions: MassDeletion (4 databases of RedisCluster redis/prod are being deleted with their data within ten minutes, and no more than 3 go without a word from you; if they are meant to go: kubectl annotate rediscluster -n redis prod --overwrite regent.dev/acknowledge-deletions=n-1)
    "#]]);
    deleting(DeletionPolicy::Delete).check(
        |case| {
            case.inputs.breaker.deletions = 4;
            case.inputs.breaker.acknowledged = true;
        },
        expect![[r#"
            do    record: DeleteDatabase 3
            do    delete database 3 and its data
        "#]],
    );
}

#[test]
fn a_new_leader_waits_before_it_deletes() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.inputs.takeover_until = Some(now() + jiff::SignedDuration::from_secs(1)),
        expect![[r#"
            hold  delete database sessions: TakeoverWait (a new leader lets the calls of the previous one run out first)
        "#]],
    );
}

#[test]
fn an_orphaned_object_goes_at_once_even_when_paused() {
    deleting(DeletionPolicy::Delete).check(
        |case| {
            case.annotate("regent.dev/on-delete", "orphan");
            case.annotate("regent.dev/reconcile", "paused");
        },
        expect![[r#"
            do    release the object
        "#]],
    );
}

#[test]
fn a_paused_object_stays() {
    deleting(DeletionPolicy::Delete).check(
        |case| case.annotate("regent.dev/reconcile", "paused"),
        expect![[""]],
    );
}

#[test]
fn only_enforce_mode_touches_what_is_deleted() {
    let cases = [ManagementPolicy::Plan, ManagementPolicy::Observe].map(|policy| {
        deleting(DeletionPolicy::Delete).with(|case| case.spec().management_policy = Some(policy))
    });
    Case::check_all(
        cases,
        expect![[r#"
        do    release the object
    "#]],
    );
}
