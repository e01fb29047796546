//! A broker of its own behind TLS, and who may come in: certificates, access lists, passwords.

use std::ffi::{CString, c_char};
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::kafka::{block, unique};
use crate::support::standings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::bindings as rdsys;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

pub use rdsys::rd_kafka_AclOperation_t as Operation;
pub use rdsys::rd_kafka_ResourceType_t as Resource;

pub type Authority = CertifiedIssuer<'static, KeyPair>;

pub fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    // OpenSSL takes a certificate whose subject is its issuer's for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Key and certificate for a name.
pub fn certificate(by: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (
        key.serialize_pem(),
        params.signed_by(&key, by).unwrap().pem(),
    )
}

/// There is one at a time.
static ONE: Mutex<()> = Mutex::new(());

/// Ends the broker.
pub struct Ends(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Ends {
    /// When it is dropped; waits for who has one now.
    pub fn later() -> Self {
        Ends(ONE.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = Command::new("deploy/services")
            .arg("no-secure-kafka")
            .status();
    }
}

/// Started with `deploy/services`; its ports by name.
pub fn broker(dir: &Path) -> impl Fn(&str) -> String {
    let out = Command::new("deploy/services")
        .args(["secure-kafka", &dir.display().to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(out.status.success(), "no broker");
    let text = String::from_utf8(out.stdout).unwrap();
    move |name| {
        let mut lines = text.lines().filter_map(|l| l.split_once('='));
        lines.find(|(n, _)| *n == name).unwrap().1.to_owned()
    }
}

/// A file of settings, as one with secrets is given.
pub fn settings(dir: &Path, lines: &[(&str, &str)]) -> String {
    let path = dir.join(format!("{}.properties", unique("client")));
    let text: String = lines.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

pub fn standings_with(properties: &str, args: &[&str]) -> Command {
    let mut command = standings(args);
    command
        .args(["--kafka-properties", properties])
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// One line of the access lists: user, kind of resource, name, operation.
pub type Right<'a> = (&'a str, Resource, String, Operation);

fn text(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Asks a broker as its administrator; `what` is given what librdkafka's calls take beside the question, and what came of it.
fn administer(
    brokers: &str,
    kind: rdsys::rd_kafka_admin_op_t,
    ask: impl FnOnce(
        *mut rdsys::rd_kafka_t,
        *mut rdsys::rd_kafka_AdminOptions_t,
        *mut rdsys::rd_kafka_queue_t,
    ),
    look: impl FnOnce(*mut rdsys::rd_kafka_event_t),
) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let client = admin.inner().native_ptr();
    // SAFETY: librdkafka's documented calls around a question, each on what the one before returned; everything is given
    // back once, and the client outlives it.
    unsafe {
        let queue = rdsys::rd_kafka_queue_new(client);
        let options = rdsys::rd_kafka_AdminOptions_new(client, kind);
        ask(client, options, queue);
        let event = rdsys::rd_kafka_queue_poll(queue, 20_000);
        assert!(!event.is_null(), "no answer");
        let error = rdsys::rd_kafka_event_error(event);
        assert_eq!(
            error,
            rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        );
        look(event);
        rdsys::rd_kafka_event_destroy(event);
        rdsys::rd_kafka_AdminOptions_destroy(options);
        rdsys::rd_kafka_queue_destroy(queue);
    }
}

/// As librdkafka takes them: to be made, or by which those that are there are found.
fn bindings(lists: &[Right<'_>], is_filter: bool) -> Vec<*mut rdsys::rd_kafka_AclBinding_t> {
    let mut why: [c_char; 200] = [0; 200];
    let make = match is_filter {
        true => rdsys::rd_kafka_AclBindingFilter_new,
        false => rdsys::rd_kafka_AclBinding_new,
    };
    let made = lists.iter().map(|(user, resource, name, operation)| {
        let (name, host, user) = (text(name), text("*"), text(&format!("User:{user}")));
        // SAFETY: the texts outlive the call, which copies them.
        unsafe {
            make(
                *resource,
                name.as_ptr(),
                rdsys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
                user.as_ptr(),
                host.as_ptr(),
                *operation,
                rdsys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                why.as_mut_ptr(),
                why.len(),
            )
        }
    });
    let made: Vec<_> = made.collect();
    assert!(made.iter().all(|one| !one.is_null()));
    made
}

/// Adds to the access lists.
pub fn allow(brokers: &str, lists: &[Right<'_>]) {
    let mut made = bindings(lists, false);
    let (all, count) = (made.as_mut_ptr(), made.len());
    let kind = rdsys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEACLS;
    // SAFETY: what was made is there until it is given back below; the result belongs to the event.
    administer(
        brokers,
        kind,
        |client, options, queue| unsafe {
            rdsys::rd_kafka_CreateAcls(client, all, count, options, queue);
        },
        |event| unsafe {
            let result = rdsys::rd_kafka_event_CreateAcls_result(event);
            let mut count = 0;
            let each = rdsys::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
            assert_eq!(count, lists.len());
            for (i, list) in lists.iter().enumerate() {
                let error = rdsys::rd_kafka_acl_result_error(*each.add(i));
                assert!(error.is_null(), "{list:?} is refused");
            }
        },
    );
    // SAFETY: made above, and given back once.
    unsafe { rdsys::rd_kafka_AclBinding_destroy_array(all, count) };
}

/// Takes from the access lists what is there.
pub fn forbid(brokers: &str, lists: &[Right<'_>]) {
    let mut made = bindings(lists, true);
    let (all, count) = (made.as_mut_ptr(), made.len());
    let kind = rdsys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEACLS;
    // SAFETY: as in `allow`.
    administer(
        brokers,
        kind,
        |client, options, queue| unsafe {
            rdsys::rd_kafka_DeleteAcls(client, all, count, options, queue);
        },
        |event| unsafe {
            let result = rdsys::rd_kafka_event_DeleteAcls_result(event);
            let mut count = 0;
            let each = rdsys::rd_kafka_DeleteAcls_result_responses(result, &raw mut count);
            assert_eq!(count, lists.len());
            for (i, list) in lists.iter().enumerate() {
                let mut matching = 0;
                let _ = rdsys::rd_kafka_DeleteAcls_result_response_matching_acls(
                    *each.add(i),
                    &raw mut matching,
                );
                assert_eq!(matching, 1, "{list:?} was not there");
            }
        },
    );
    // SAFETY: made above, and given back once.
    unsafe { rdsys::rd_kafka_AclBinding_destroy_array(all, count) };
}

/// This is the user's password by SCRAM from now on; there need not have been such a user.
pub fn set_password(brokers: &str, user: &str, password: &str) {
    let name = text(user);
    // SAFETY: the texts outlive the call, which copies them; without a salt one is made.
    let mut change = unsafe {
        rdsys::rd_kafka_UserScramCredentialUpsertion_new(
            name.as_ptr(),
            rdsys::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512,
            4096,
            password.as_ptr(),
            password.len(),
            null_mut(),
            0,
        )
    };
    let all = &raw mut change;
    let kind = rdsys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERUSERSCRAMCREDENTIALS;
    // SAFETY: as in `allow`.
    administer(
        brokers,
        kind,
        |client, options, queue| unsafe {
            rdsys::rd_kafka_AlterUserScramCredentials(client, all, 1, options, queue);
        },
        |event| unsafe {
            let result = rdsys::rd_kafka_event_AlterUserScramCredentials_result(event);
            let mut count = 0;
            let each =
                rdsys::rd_kafka_AlterUserScramCredentials_result_responses(result, &raw mut count);
            assert_eq!(count, 1);
            let error = rdsys::rd_kafka_AlterUserScramCredentials_result_response_error(*each);
            assert!(
                error.is_null()
                    || rdsys::rd_kafka_error_code(error)
                        == rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
                "{user}"
            );
        },
    );
    // SAFETY: made above, and given back once.
    unsafe { rdsys::rd_kafka_UserScramCredentialAlteration_destroy(change) };
}

/// Topics of one partition.
pub fn make(brokers: &str, names: &[&str]) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .unwrap();
    let topics: Vec<_> = names
        .iter()
        .map(|n| NewTopic::new(n, 1, TopicReplication::Fixed(1)))
        .collect();
    let made = block(async { admin.create_topics(&topics, &AdminOptions::new()).await });
    assert!(made.unwrap().iter().all(Result::is_ok));
}
