use super::*;
use crate::plan::certificate::SecretPair;
use crate::plan::certificate::plan;
use crate::plan::certificate::tests::NOW;
use crate::plan::certificate::tests::World;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A pass at this time, in which every step succeeds; what the object says then.
fn pass(case: &mut World, now: Timestamp) -> (String, Visit) {
    let before = case.object.clone();
    let plan = plan(&case.object, &case.inputs, &case.observed, now);
    for step in &plan.steps {
        if let Step::Record(record) = step {
            case.object.status = Some(announce_certificate(&case.object, record, now));
        }
    }
    let report = certificate(&Round {
        before: &before,
        object: &case.object,
        inputs: Some(&case.inputs),
        observed: Some(&case.observed),
        plan: Some(&plan),
        done: plan.steps.len(),
        failure: None,
        now,
        interval: INTERVAL,
    });
    let mut text = String::new();
    for condition in &report.status.conditions {
        let Condition {
            type_,
            status,
            reason,
            message,
            ..
        } = condition;
        text += &format!("{type_}={status} {reason}: {message}\n");
    }
    for event in &report.events {
        text += &format!(
            "{} {} {}\n",
            if event.warning { "!" } else { "-" },
            event.reason,
            event.note
        );
    }
    let wanted = crate::plan::certificate::pair(&case.inputs, now).map(|pair| pair.fingerprint().to_owned());
    case.object.status = Some(report.status);
    (
        text.replace(wanted.as_deref().unwrap_or("NEW"), "NEW"),
        report.visit,
    )
}

#[test]
fn a_certificate_is_applied_when_every_node_has_it_and_then_it_is_quiet() {
    let mut case = World::new();
    let (text, visit) = pass(&mut case, now());
    expect![[r#"
        Ready=False Applying: replace certificate proxy: the nodes take the new one up
        Synced=False PendingApply: spec.secretRef is zz, wanted NEW
        Reconciling=True Applying: replace certificate proxy: the nodes take the new one up
        Applied=False PendingApply: not every node has the certificate of the Secret
    "#]]
    .assert_eq(&text);
    assert_eq!(visit, Visit::Soon);
    let told = case.object.status.clone();
    pass(&mut case, now() + SignedDuration::from_secs(3));
    assert_eq!(case.object.status, told, "nothing new while the nodes take it up");
    case = case.served_by(3);
    let (text, visit) = pass(&mut case, now());
    expect![[r#"
        Ready=True Available: every node has certificate proxy of the Secret
        Synced=True InSync: what the spec sets is what is there
        Applied=True InSync: every node has the certificate of the Secret
        - CertificateApplied every node has certificate proxy with fingerprint NEW
    "#]]
    .assert_eq(&text);
    assert_eq!(visit, Visit::Resync);
    let applied = case.object.status.clone().unwrap();
    assert_eq!(applied.fingerprint, Some(case.wanted().fingerprint().to_owned()));
    assert_eq!(applied.not_after.as_deref(), Some("2027-01-01T00:00:00Z"));
    assert_eq!(applied.intent, None);
    pass(&mut case, now() + SignedDuration::from_secs(30));
    assert_eq!(case.object.status, Some(applied));
}

#[test]
fn a_certificate_that_ends_soon_is_told_once() {
    let mut case = World::new();
    case = case.served_by(3);
    pass(&mut case, now());
    let late = "2026-12-30T00:00:00Z".parse().unwrap();
    expect![[r#"
        Ready=True Available: every node has certificate proxy of the Secret
        Synced=True InSync: what the spec sets is what is there
        Applied=True InSync: every node has the certificate of the Secret
        Expiring=True RenewSoon: the certificate ends at 2027-01-01T00:00:00Z; put a new one into the Secret
        ! RenewSoon the certificate ends at 2027-01-01T00:00:00Z; put a new one into the Secret
    "#]]
    .assert_eq(&pass(&mut case, late).0);
    let events = pass(&mut case, late + SignedDuration::from_secs(30)).0;
    assert!(!events.contains("! "), "{events}");
    let over = "2027-01-02T00:00:00Z".parse().unwrap();
    expect![[r#"
        Ready=False CertificateInvalid: use Secret proxy-tls: the certificate of CN=prod.example.com expired at 2027-01-01T00:00:00Z; correct the Secret
        Synced=Unknown CertificateInvalid: use Secret proxy-tls: the certificate of CN=prod.example.com expired at 2027-01-01T00:00:00Z; correct the Secret
        Stalled=True CertificateInvalid: use Secret proxy-tls: the certificate of CN=prod.example.com expired at 2027-01-01T00:00:00Z; correct the Secret
        Applied=True InSync: every node has the certificate of the Secret
        Expiring=True Expired: the certificate ends at 2027-01-01T00:00:00Z; put a new one into the Secret
        ! Expired the certificate ends at 2027-01-01T00:00:00Z; put a new one into the Secret
        ! CertificateInvalid use Secret proxy-tls: the certificate of CN=prod.example.com expired at 2027-01-01T00:00:00Z; correct the Secret
    "#]].assert_eq(&pass(&mut case, over).0);
}

#[test]
fn a_secret_that_cannot_be_used_stalls_and_names_the_fault() {
    let mut case = World::new();
    case.inputs.pair = Ok(SecretPair {
        secret: "proxy-tls".into(),
        certificate_pem: "garbage".into(),
        key_pem: "garbage".to_owned().into(),
    });
    expect![[r#"
        Ready=False CertificateInvalid: use Secret proxy-tls: there is no PEM certificate in it; correct the Secret
        Synced=Unknown CertificateInvalid: use Secret proxy-tls: there is no PEM certificate in it; correct the Secret
        Stalled=True CertificateInvalid: use Secret proxy-tls: there is no PEM certificate in it; correct the Secret
        Applied=Unknown Pending: nothing is known yet
        ! CertificateInvalid use Secret proxy-tls: there is no PEM certificate in it; correct the Secret
    "#]].assert_eq(&pass(&mut case, now()).0);
}
