//! A fault: who is to blame, and so whether it is asked again.
//!
//! | SOAP 1.1 | SOAP 1.2 | what |
//! | --- | --- | --- |
//! | `Server`, `Server.…` | `Receiver` | another attempt may work |
//! | `Client`, `Client.…` | `Sender` | somebody has to do something |
//! | `VersionMismatch`, `MustUnderstand` | these, and `DataEncodingUnknown` | the same |
//! | anything else, such as `ns1:SecurityError` | – | the same |

use std::time::Duration;

use standings_model::printable::printable;
use standings_model::sabotage::{self, Mistake};

use super::{ADDRESSING, Version};
use crate::feed::Trouble;
use crate::xml::Element;

/// Characters of what a fault says that are shown.
const SHOWN: usize = 400;
/// What is asked for beyond this is not believed.
const MOST: Duration = Duration::from_secs(3_600);

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its code, without a prefix.
    pub code: String,
    /// The codes below it.
    pub more: Vec<String>,
    /// What it says.
    pub reason: String,
    /// So long it asks to be left alone (WS-Addressing, `EndpointUnavailable`).
    pub after: Option<Duration>,
}

/// A QName without its prefix.
fn local(text: &str) -> String {
    let text = text.trim();
    text.rsplit(':').next().unwrap_or(text).to_owned()
}

/// A child by its name, of whatever namespace: SOAP 1.1 has none for those of a fault, and not all know it.
fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children().find(|child| child.name.local == name)
}

impl Fault {
    /// The fault of a body, if it is one.
    pub fn of(version: Version, body: &Element) -> Option<Self> {
        let fault = body.child(version.space(), "Fault")?;
        let text = |element: Option<&Element>| element.map_or_else(String::new, Element::text);
        let detail = child(fault, "detail").or_else(|| child(fault, "Detail"));
        let found = match version {
            Version::V11 => Fault {
                code: local(&text(child(fault, "faultcode"))),
                more: Vec::new(),
                reason: text(child(fault, "faultstring")),
                after: None,
            },
            Version::V12 => {
                let code = child(fault, "Code");
                let value = |of: Option<&Element>| local(&text(of.and_then(|c| child(c, "Value"))));
                let mut more = Vec::new();
                let mut below = code.and_then(|c| child(c, "Subcode"));
                // As deep as it is read: a bound of the reader.
                while let Some(subcode) = below {
                    more.push(value(Some(subcode)));
                    below = child(subcode, "Subcode");
                }
                Fault {
                    code: value(code),
                    more,
                    reason: text(child(fault, "Reason").and_then(|r| child(r, "Text"))),
                    after: None,
                }
            }
        };
        let after = detail.and_then(|d| deep(d, "RetryAfter"));
        let ms = after.and_then(|e| e.text().trim().parse::<u64>().ok());
        Some(Fault {
            after: ms.map(|ms| Duration::from_millis(ms).min(MOST)),
            ..found
        })
    }

    /// Whether another attempt may work.
    pub fn is_receivers(&self) -> bool {
        let first = self.code.split('.').next().unwrap_or("");
        matches!(first, "Server" | "Receiver")
    }

    /// Whether it is about who asks.
    fn is_of_security(&self) -> bool {
        let all = std::iter::once(&self.code).chain(&self.more);
        let mut all = all.map(|code| code.rsplit('.').next().unwrap_or(code));
        all.any(|code| {
            matches!(
                code,
                "SecurityError"
                    | "InvalidSecurity"
                    | "InvalidSecurityToken"
                    | "FailedAuthentication"
                    | "FailedCheck"
                    | "SecurityTokenUnavailable"
                    | "MessageExpired"
                    | "Authentication"
            )
        })
    }

    /// What comes of it. `hidden`: what is shown nowhere; `skew`: how far this clock is from the service's, seconds, if that is known.
    pub fn trouble(self, hidden: &str, skew: Option<i64>) -> Trouble {
        let codes: Vec<&str> = std::iter::once(&self.code)
            .chain(&self.more)
            .map(String::as_str)
            .collect();
        let said: String = self.reason.trim().chars().take(SHOWN).collect();
        let said = format!("{}: {said}", codes.join(" / "));
        let said = match !hidden.is_empty() && said.contains(hidden) {
            true => "what it says has a secret in it (not shown)".to_owned(),
            false => printable(&said).into_owned(),
        };
        if self.is_receivers() || sabotage::is(Mistake::IngestSenderRetried) {
            return Trouble::Later {
                why: format!("the service answered with a fault of its own: {said}"),
                after: self.after,
            };
        }
        let hint = match (self.is_of_security(), skew) {
            (true, Some(skew)) if skew.abs() > 60 => {
                format!("; the clock of this machine is {} s {} that of the service", skew.abs(), if skew > 0 { "ahead of" } else { "behind" })
            }
            (true, _) => "; user, password, kind of password and the clock of this machine are what it looks at".to_owned(),
            (false, _) => String::new(),
        };
        Trouble::Broken(format!("the service refuses the request: {said}{hint}"))
    }
}

/// The first element of a name below one, of WS-Addressing.
fn deep<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element
        .children()
        .find_map(|child| match child.name.is(ADDRESSING, name) {
            true => Some(child),
            false => deep(child, name),
        })
}

/// What services call that which went wrong where they say so without a fault: taken for a page without rows it would end a pass, and
/// what is behind it would be lost. What stands in it is not repeated.
pub(super) fn without_fault(body: &Element) -> Option<&str> {
    let is_error = |element: &&Element| {
        let name = element.name.local.to_ascii_lowercase();
        matches!(&*name, "error" | "errors" | "fault" | "exception")
            && !element.is_nil()
            && (element.children().next().is_some() || !element.text().trim().is_empty())
    };
    let mut all = body
        .children()
        .flat_map(|held| std::iter::once(held).chain(held.children()));
    all.find(is_error).map(|found| found.name.local.as_str())
}
