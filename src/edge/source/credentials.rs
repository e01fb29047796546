//! A password that is another one by now: a client keeps the one that it was made with, and is told the one that the settings say.

use std::ffi::CString;

use rdkafka::bindings::{rd_kafka_error_destroy, rd_kafka_sasl_set_credentials};
use rdkafka::client::{Client, ClientContext};

use super::Origin;

/// Tells a client the user and password that the settings say now, if they say any; it logs in with them at its next
/// connection. What it holds to be sent stays.
pub fn renew<C: ClientContext>(client: &Client<C>, origin: &Origin) {
    let Some(now) = origin.now() else {
        return;
    };
    let of = |name: &str| {
        let (_, text) = now.iter().rev().find(|(key, _)| key == name)?;
        CString::new(text.as_str()).ok()
    };
    let (Some(user), Some(password)) = (of("sasl.username"), of("sasl.password")) else {
        return;
    };
    // SAFETY: the client lives as long as the borrow, both texts outlive the call, which copies them; what it returns, if
    // anything, is given back once.
    unsafe {
        let error =
            rd_kafka_sasl_set_credentials(client.native_ptr(), user.as_ptr(), password.as_ptr());
        if !error.is_null() {
            rd_kafka_error_destroy(error);
        }
    }
}
