//! As much WebDriver as a measurement needs: a session with an app, and whether an element is there.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::command;

/// A running tauri-driver.
pub struct Driver {
    child: Child,
    port: u16,
}

/// A session: the app's window.
pub struct Session<'a> {
    driver: &'a Driver,
    id: String,
}

impl Driver {
    /// Starts it on free ports; the app will inherit these variables.
    ///
    /// # Errors
    /// When it does not start, or does not answer within 20 s.
    pub fn start(driver: &Path, native: &Path, environment: &[(&str, &Path)]) -> Result<Self> {
        let (port, native_port) = (free_port()?, free_port()?);
        let mut start = command::clean(driver);
        start.args([
            "--port",
            &port.to_string(),
            "--native-port",
            &native_port.to_string(),
            "--native-driver",
        ]);
        start.arg(native).envs(environment.iter().copied());
        start
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = start.spawn().context("cannot start tauri-driver")?;
        let started = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > deadline {
                bail!("tauri-driver did not open its port within 20 s");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Its own child needs a moment longer, which must not count as the app's.
        std::thread::sleep(Duration::from_millis(500));
        Ok(started)
    }

    /// Opens an app's window.
    ///
    /// # Errors
    /// When the driver refuses.
    pub fn open(&self, app: &Path) -> Result<Session<'_>> {
        let wanted = json!({ "capabilities": { "alwaysMatch": { "tauri:options": { "application": app } } } });
        let value = self.call("POST", "/session", Some(&wanted))?;
        let id = value
            .get("sessionId")
            .and_then(Value::as_str)
            .context("the driver gave no session")?;
        Ok(Session {
            driver: self,
            id: id.to_owned(),
        })
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).context("the driver is gone")?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        // HTTP 1.0: the answer is not chunked and ends with the connection.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .context("the driver did not answer")?;
        value_of(&String::from_utf8_lossy(&answer))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        command::end(&mut self.child);
    }
}

impl Session<'_> {
    /// How many elements a CSS selector finds now.
    ///
    /// # Errors
    /// When the driver refuses.
    pub fn count(&self, css: &str) -> Result<usize> {
        let path = format!("/session/{}/elements", self.id);
        let found = self.driver.call(
            "POST",
            &path,
            Some(&json!({ "using": "css selector", "value": css })),
        )?;
        Ok(found.as_array().map_or(0, Vec::len))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // One session at a time: what stays open would refuse the next.
        let _ = self
            .driver
            .call("DELETE", &format!("/session/{}", self.id), None);
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The `value` of a WebDriver answer.
fn value_of(answer: &str) -> Result<Value> {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the driver's answer is no HTTP")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let mut body: Value = serde_json::from_str(body).context("the driver's answer is no JSON")?;
    let value = body.get_mut("value").map(Value::take).unwrap_or_default();
    if status != "200" {
        bail!("the driver answered {status}: {value}");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_apart() {
        let ok = value_of(
            "HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\n{\"value\":{\"sessionId\":\"a\"}}",
        )
        .unwrap();
        assert_eq!(ok, json!({ "sessionId": "a" }));
        let error =
            value_of("HTTP/1.1 404 Not Found\r\n\r\n{\"value\":{\"error\":\"no such element\"}}")
                .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the driver answered 404: {\"error\":\"no such element\"}"
        );
        assert!(value_of("nonsense").is_err());
    }
}
