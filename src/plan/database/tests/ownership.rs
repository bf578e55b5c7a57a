//! Whose a database is, and of which cluster.

use super::*;

#[test]
fn two_databases_with_our_tag_are_left_alone() {
    Case::settled().check(|case| _ = case.bdb(4, "sessions", Some(UID)), expect![[r#"
        hold  database sessions: OwnershipConflict (the tag regent_owner=cr-1 is on databases 3 and 4, while database 3 is recorded; none is touched; take the tag off all but the right one)
    "#]]);
}

#[test]
fn our_tag_on_another_database_than_the_recorded_one_is_a_conflict() {
    Case::settled().check(|case| case.status().uid = Some(9), expect![[r#"
        hold  database sessions: OwnershipConflict (the tag regent_owner=cr-1 is on database 3, while database 9 is recorded; none is touched; take the tag off all but the right one)
    "#]]);
}

#[test]
fn a_name_that_is_taken_is_not_taken_over_by_default() {
    Case::fresh().check(|case| _ = case.bdb(7, "sessions", None), expect![[r#"
        hold  database sessions: AlreadyExists (database 7 has this name already and nobody owns it; set spec.adoptionPolicy: IfUnowned to take it over, or another spec.databaseName)
    "#]]);
}

#[test]
fn what_nobody_owns_is_taken_over_if_the_spec_says_so() {
    let named = |owner: Option<&str>| {
        Case::fresh().with(|case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            let team = Tag {
                key: "team".into(),
                value: "web".into(),
            };
            case.bdb(7, "sessions", owner).tags.push(team);
        })
    };
    Case::check_all(
        [None, Some(""), Some("released:cr-0:2026-05-01T00:00:00Z")].map(named),
        expect![[r#"
        do    record: database 7 is taken over
        do    take over database 7: tags regent_owner=cr-1 team=web
    "#]],
    );
}

/// The database with the key of its ownership tag as it was before.
fn formerly_tagged(case: &mut Case) {
    case.seen().bdbs[0].tags[0].key = FORMER_OWNER_TAG.to_owned();
}

#[test]
fn a_database_is_ours_by_the_former_key_of_our_tag_too() {
    Case::settled().check(formerly_tagged, expect![[""]]);
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", Some("cr-2"));
            formerly_tagged(case);
        },
        expect![[r#"
            hold  database sessions: OwnershipConflict (database 7 belongs to the object with uid cr-2 (regent_owner); it is left alone; delete that object, or set another spec.databaseName)
        "#]],
    );
}

#[test]
fn a_new_value_of_our_tag_goes_under_the_present_key_alone() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", Some("released:cr-0:2026-05-01T00:00:00Z"));
            formerly_tagged(case);
        },
        expect![[r#"
            do    record: database 7 is taken over
            do    take over database 7: tags regent_owner=cr-1
        "#]],
    );
    Case::settled().check(
        |case| {
            formerly_tagged(case);
            case.delete(DeletionPolicy::Retain);
        },
        expect![[r#"
            do    mark database 3 as released: tags regent_owner=released:cr-1:2026-06-01T12:00:00Z
            do    release the object
        "#]],
    );
}

#[test]
fn a_former_tag_that_stays_is_sent_as_it_is() {
    Case::settled().check(
        |case| {
            formerly_tagged(case);
            case.spec().tags = Some([("team".to_owned(), "web".to_owned())].into());
        },
        expect![[r#"
            do    change database 3 {"tags":[{"key":"regent-owner","value":"cr-1"},{"key":"team","value":"web"}]}
            drift spec.tags: [] -> [{"key":"team","value":"web"}]
        "#]],
    );
}

#[test]
fn a_takeover_that_was_recorded_goes_on() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", None);
            case.status().uid = Some(7);
            case.status().adopted = true;
        },
        expect![[r#"
            do    take over database 7: tags regent_owner=cr-1
        "#]],
    );
}

#[test]
fn a_database_of_another_object_is_never_taken_over() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(7, "sessions", Some("cr-2"));
        },
        expect![[r#"
            hold  database sessions: OwnershipConflict (database 7 belongs to the object with uid cr-2 (regent_owner); it is left alone; delete that object, or set another spec.databaseName)
        "#]],
    );
}

#[test]
fn a_database_that_lost_our_tag_is_left_alone() {
    Case::settled().check(|case| case.seen().bdbs[0].tags.clear(), expect![[r#"
        hold  database sessions: OwnershipConflict (database 3 no longer bears the tag regent_owner=cr-1; it is left alone; set spec.adoptionPolicy: IfUnowned to take it over again)
    "#]]);
}

#[test]
fn several_databases_of_our_name_are_left_alone() {
    Case::fresh().check(
        |case| {
            case.spec().adoption_policy = Some(AdoptionPolicy::IfUnowned);
            case.bdb(8, "sessions", None);
            case.bdb(7, "sessions", None);
        },
        expect![[r#"
            hold  database sessions: AlreadyExists (databases 7 and 8 have this name already; set another spec.databaseName)
        "#]],
    );
}

#[test]
fn a_namesake_that_is_being_deleted_goes_first() {
    Case::fresh().check(
        |case| case.bdb(7, "sessions", Some("cr-0")).status = BdbStatus::DeletePending,
        expect![[r#"
            wait  create database sessions: Deleting (database 7 of the same name is being deleted)
        "#]],
    );
}

#[test]
fn a_database_that_vanished_is_not_created_again() {
    Case::settled().check(|case| case.seen().bdbs.clear(), expect![[r#"
        hold  database sessions: Missing (database 3 was deleted in Redis Enterprise; it is not created again by itself, for it would be empty; restore it there, or delete this object and apply it again for an empty one)
    "#]]);
}

#[test]
fn nothing_is_sent_to_another_cluster() {
    Case::settled().check(
        |case| case.seen().identity.created_time = "2026-05-05T00:00:00Z".into(),
        expect![[r#"
            hold  database sessions: IdentityMismatch (cluster prod.example.com created 2026-05-05T00:00:00Z answers, but cluster prod.example.com created 2026-01-01T00:00:00Z is recorded; nothing is sent; if the cluster was rebuilt on purpose, delete this object with the annotation regent.dev/on-delete: orphan and apply it again)
        "#]],
    );
}

#[test]
fn nothing_is_sent_before_the_cluster_is_known() {
    Case::settled().check(
        |case| case.inputs.access.as_mut().unwrap().identity = None,
        expect![[r#"
            hold  database sessions: WaitingForCluster (RedisCluster redis/prod has not been created yet)
        "#]],
    );
}

#[test]
fn held_access_holds_everything() {
    Case::settled().check(
        |case| {
            let (what, why) = (
                "reach RedisCluster redis/prod".to_owned(),
                Reason::CredentialsRejected,
            );
            case.inputs.access = Err(Hold {
                what,
                why,
                detail: "correct the Secret prod-admin".into(),
            });
            case.observed = Observed::Unasked;
        },
        expect![[r#"
            hold  reach RedisCluster redis/prod: CredentialsRejected (correct the Secret prod-admin)
        "#]],
    );
}

#[test]
fn a_cluster_that_was_not_asked_is_nothing_to_act_on() {
    Case::settled().check(
        |case| case.observed = Observed::Unasked,
        expect![[r#"
        hold  database sessions: ClusterUnreachable (RedisCluster redis/prod was not asked)
    "#]],
    );
}
