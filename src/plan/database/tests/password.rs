//! Passwords and the connection Secret.

use super::*;

#[test]
fn a_lost_connection_secret_comes_back_while_the_database_changes() {
    Case::connected().check(
        |case| {
            case.bdb_status("active-change-pending");
            case.inputs.connection = None;
        },
        expect![[r#"
            do    write connection Secret sessions-conn
            wait  change database sessions: Updating (Redis Enterprise is changing it)
        "#]],
    );
}

#[test]
fn the_connection_secret_says_what_applications_need() {
    let mut case = Case::connected();
    case.set("tls_mode", json!("enabled"));
    case.seen().proxy_certificate_pem = Some("PEM".into());
    case.password("p@ss/word ü", "pw/1");
    case.publish();
    let data = case.inputs.connection.unwrap();
    let lines: Vec<String> = data
        .iter()
        .map(|(key, value)| format!("{key}={}\n", value.expose_secret()))
        .collect();
    expect![[r#"
        certificates=PEM
        database=0
        host=redis-12000.prod.example.com
        password=p@ss/word ü
        port=12000
        provider=redis-enterprise
        tls=true
        type=redis
        uri=rediss://default:p%40ss%2Fword%20%C3%BC@redis-12000.prod.example.com:12000/0
        username=default
    "#]]
    .assert_eq(&lines.concat());
}

#[test]
fn there_is_no_connection_before_the_endpoint_is_bound() {
    Case::connected().check(
        |case| {
            case.seen().bdbs[0].endpoints.clear();
            case.inputs.connection = None;
        },
        expect![[""]],
    );
}

#[test]
fn a_new_password_is_added_beside_the_old_one_first() {
    Case::connected().check(
        |case| case.password("n3w-secret", "pw/2"),
        expect![[r#"
        do    record: ChangePassword 3
        do    add the new password to database 3
        do    write connection Secret sessions-conn
    "#]],
    );
}

#[test]
fn then_it_becomes_the_only_one() {
    Case::connected().check(
        |case| {
            case.password("n3w-secret", "pw/2");
            case.intent(IntentAction::ChangePassword, 1, Some("pw/2"));
        },
        expect![[r#"
            do    make the new password the only one of database 3
            do    write connection Secret sessions-conn
            do    record: the password is that of Secret version pw/2
        "#]],
    );
}

#[test]
fn a_password_that_changes_again_meanwhile_starts_over() {
    Case::connected().check(
        |case| {
            case.password("n3w3r-secret", "pw/3");
            case.intent(IntentAction::ChangePassword, 1, Some("pw/2"));
        },
        expect![[r#"
            do    record: ChangePassword 3
            do    add the new password to database 3
            do    write connection Secret sessions-conn
        "#]],
    );
}

#[test]
fn a_secret_written_without_a_change_is_taken_note_of() {
    Case::connected().check(
        |case| case.password("old", "pw/2"),
        expect![[r#"
        do    make the new password the only one of database 3
        do    record: the password is that of Secret version pw/2
    "#]],
    );
}

#[test]
fn a_new_leader_waits_before_it_changes_a_password() {
    Case::connected().check(
        |case| {
            case.password("n3w-secret", "pw/2");
            case.inputs.takeover_until = Some(now() + jiff::SignedDuration::from_secs(1));
        },
        expect![[r#"
            hold  change the password of database sessions: TakeoverWait (a new leader lets the calls of the previous one run out first)
        "#]],
    );
}

#[test]
fn a_missing_password_holds_itself_up_and_nothing_else() {
    Case::connected().check(
        |case| {
            let (what, why) = ("read Secret sessions-password".to_owned(), Reason::SecretNotFound);
            case.inputs.password = Err(Hold {
                what,
                why,
                detail: "it does not exist; create it".into(),
            });
            case.spec().memory_size = ByteQuantity("2Gi".into());
        },
        expect![[r#"
            do    change database 3 {"memory_size":2147483648}
            hold  change the password of database sessions: SecretNotFound (read Secret sessions-password: it does not exist; create it)
            drift spec.memorySize: 1Gi -> 2Gi
        "#]],
    );
}

/// Whatever is lost, some password that stands in a Secret lets clients in, and in the end it is the new one alone.
#[test]
fn a_rotation_survives_a_stop_at_every_step() {
    for stop in 0..8 {
        let mut accepted = vec!["old".to_owned()];
        let mut case = Case::connected();
        case.password("n3w-secret", "pw/2");
        let mut left = stop;
        let mut lost_reply = stop % 2 == 1;
        for _pass in 0..6 {
            for step in case.plan().steps {
                if left == 0 {
                    left = usize::MAX;
                    if !std::mem::take(&mut lost_reply) {
                        break;
                    }
                    take(&mut case, &step, &mut accepted);
                    break;
                }
                left -= 1;
                take(&mut case, &step, &mut accepted);
            }
            let published = case.inputs.connection.as_ref().unwrap()["password"]
                .expose_secret()
                .to_owned();
            let stored = ["n3w-secret".to_owned(), published];
            assert!(
                stored.iter().any(|stored| accepted.contains(stored)),
                "stop {stop}: {accepted:?}"
            );
        }
        assert_eq!(accepted, ["n3w-secret"], "stop {stop}");
        assert!(case.plan().steps.is_empty(), "stop {stop}");
        assert_eq!(
            case.inputs.connection.unwrap()["password"].expose_secret(),
            "n3w-secret"
        );
    }
}

fn take(case: &mut Case, step: &Step<Action>, accepted: &mut Vec<String>) {
    match step {
        Step::Record(record) => case.status().apply(record),
        Step::Call(Action::AddPassword(_)) => accepted.push("n3w-secret".into()),
        Step::Call(Action::ReplacePasswords(_)) => *accepted = vec!["n3w-secret".into()],
        Step::Publish(Publication::Connection { data, .. }) => case.inputs.connection = Some(data.clone()),
        other => panic!("{other}"),
    }
}
