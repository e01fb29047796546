//! A headless Chromium, driven over WebDriver.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

use crate::support::{Running, free_port, http, until};

/// One browser at a time: the machine has two cores, and frames are measured. Between processes `.config/nextest.toml` says so.
static ONE: Mutex<()> = Mutex::new(());

pub struct Browser {
    address: String,
    session: String,
    _driver: Running,
    _one: MutexGuard<'static, ()>,
}

/// What the device says about itself.
#[derive(Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub size: (u32, u32),
    pub dark: bool,
    /// After the address.
    pub query: &'static str,
}

/// How long anything may take until the page shows it.
pub const PATIENCE: Duration = Duration::from_secs(30);

impl Browser {
    pub fn start() -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: run `deploy/test`, which installs it");
        let mut browser = Browser {
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
            _driver: Running(driver),
            _one: one,
        };
        until("chromedriver answers", PATIENCE, || {
            http::request("GET", &browser.address, "/status", "").is_ok()
        });
        // Tests may run as root and in a container: no sandbox, no GPU, no shared memory.
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1400,1000",
            "--lang=en-US",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "timeouts": {"script": 120_000},
            "goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let made = browser.call("/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    /// A browser that shows the page at `address`.
    pub fn open(address: &str) -> Self {
        let browser = Browser::start();
        browser.go(&format!("http://{address}/"));
        browser
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let path = match path {
            "/session" => path.to_owned(),
            _ => format!("/session/{}{path}", self.session),
        };
        let (status, text) =
            http::request("POST", &self.address, &path, &body.to_string()).unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].clone()
    }

    pub fn go(&self, url: &str) {
        // Another address first: the same page with another fragment would not load again.
        self.call("/url", &json!({"url": "about:blank"}));
        self.call("/url", &json!({"url": url}));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.call("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script gives to its callback, `arguments[0]`.
    pub fn run_async(&self, script: &str) -> Value {
        self.call("/execute/async", &json!({"script": script, "args": []}))
    }

    pub fn holds(&self, script: &str) -> bool {
        self.run(&format!("return Boolean({script})")) == true
    }

    /// Waits until an expression holds in the page.
    pub fn until(&self, what: &str, script: &str) {
        until(what, PATIENCE, || self.holds(script));
    }

    /// Waits until an expression holds in the first frame of the page, and goes back to the page.
    pub fn inside_frame(&self, what: &str, script: &str) {
        self.call("/frame", &json!({"id": 0}));
        self.until(what, script);
        self.call("/frame", &json!({"id": null}));
    }

    /// Presses keys one after another, as a person does who has no mouse.
    pub fn press(&self, keys: &[&str]) {
        let strokes: Vec<_> = keys
            .iter()
            .flat_map(|key| {
                let key = match *key {
                    "Enter" => "\u{e007}",
                    "Escape" => "\u{e00c}",
                    "Tab" => "\u{e004}",
                    "Down" => "\u{e015}",
                    other => other,
                };
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        self.call(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]}),
        );
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// Processor time that the page's main thread has used so far, s: whatever else the machine does is not in it.
    pub fn thread_time(&self) -> f64 {
        self.devtools("Performance.enable", json!({"timeDomain": "threadTicks"}));
        let metrics = self.devtools("Performance.getMetrics", json!({}));
        let all = metrics["metrics"].as_array().unwrap();
        let used = all.iter().find(|m| m["name"] == "ThreadTime");
        used.unwrap_or_else(|| panic!("{metrics}"))["value"]
            .as_f64()
            .unwrap()
    }

    /// Size, colours and motion of the device. Rows stand still, so that a picture shows them in their places.
    pub fn look(&self, look: Look) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": look.size.0, "height": look.size.1, "deviceScaleFactor": 1, "mobile": false}),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme},
                                {"name": "prefers-reduced-motion", "value": "reduce"}]}),
        );
    }

    /// Writes what is seen as a PNG.
    pub fn picture(&self, path: &Path) {
        let of = format!("/session/{}/screenshot", self.session);
        let (_, text) = http::request("GET", &self.address, &of, "").unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let png = base64::engine::general_purpose::STANDARD
            .decode(value["value"].as_str().unwrap())
            .unwrap();
        std::fs::write(path, png).unwrap();
    }

    /// What the browser complained about: errors of scripts, refusals of the content policy, files that are not there.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("/se/log", &json!({"type": "browser"}));
        let mut all = Vec::new();
        for entry in log.as_array().unwrap() {
            if entry["level"] == "SEVERE" {
                all.push(entry["message"].as_str().unwrap().to_owned());
            }
        }
        all
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let path = format!("/session/{}", self.session);
        let _ = http::request("DELETE", &self.address, &path, "");
    }
}
