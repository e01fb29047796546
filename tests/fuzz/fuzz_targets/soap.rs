//! Answers of services of SOAP, and WSDL.
#![no_main]

#[path = "../bodies/soap.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::answer(input);
    body::wsdl(input);
});
