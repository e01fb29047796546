//! MariaDB as tests have it: a connection, and a server of one's own where it is killed, or is another one than the usual.

use std::process::Command;

use mysql_async::prelude::Queryable;

/// A connection to a database, with what drives it.
pub struct Session {
    runtime: tokio::runtime::Runtime,
    connection: std::cell::RefCell<mysql_async::Conn>,
}

impl Session {
    /// Of this server; the database is made where it is missing.
    pub fn new(url: &str, database: &str) -> Self {
        let session = Session::to(url);
        session.run(&format!("CREATE DATABASE IF NOT EXISTS {database}"));
        session.run(&format!("USE {database}"));
        // Who waits for another of ours waits for ever: it is given up, and the next statement comes.
        session.run("SET innodb_lock_wait_timeout = 1; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
        session
    }

    /// To a server, of which no database is touched.
    pub fn to(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let opts = mysql_async::Opts::from_url(url).unwrap();
        // By its port, as the source comes.
        let opts = mysql_async::OptsBuilder::from_opts(opts).prefer_socket(false);
        let connection = runtime.block_on(mysql_async::Conn::new(opts)).unwrap();
        Session {
            runtime,
            connection: connection.into(),
        }
    }

    /// Statements, one by one.
    pub fn run(&self, sql: &str) {
        for statement in sql.split(';').filter(|s| !s.trim().is_empty()) {
            let mut connection = self.connection.borrow_mut();
            let done = self.runtime.block_on(connection.query_drop(statement));
            done.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
        }
    }

    /// A statement that may have to wait for another session, and is given up then.
    pub fn tried(&self, sql: &str) {
        for statement in sql.split(';').filter(|s| !s.trim().is_empty()) {
            let mut connection = self.connection.borrow_mut();
            match self.runtime.block_on(connection.query_drop(statement)) {
                Err(mysql_async::Error::Server(e)) if [1205, 1213, 1305].contains(&e.code) => {}
                done => done.unwrap_or_else(|e| panic!("{statement}: {e:?}")),
            }
        }
    }

    /// Statements that may fail, and whatever is behind them then.
    pub fn perhaps(&self, sql: &str) {
        for statement in sql.split(';') {
            let mut connection = self.connection.borrow_mut();
            let done = self.runtime.block_on(connection.query_drop(statement));
            if done.is_err() {
                return;
            }
        }
    }

    /// The rows of a query.
    pub fn query<T: mysql_async::prelude::FromRow + Send + 'static>(&self, sql: &str) -> Vec<T> {
        let mut connection = self.connection.borrow_mut();
        self.runtime.block_on(connection.query(sql)).unwrap()
    }
}

/// A server that nobody else has; it goes with this.
pub struct Server {
    folder: tempfile::TempDir,
    /// Where it is.
    pub url: String,
}

impl Server {
    /// With these settings behind the usual ones.
    pub fn up(settings: &[&str]) -> Self {
        let mut server = Server {
            folder: tempfile::tempdir().unwrap(),
            url: String::new(),
        };
        server.services("up", settings);
        let said = server.services("env", &[]);
        let (_, url) = said.trim().split_once("MARIADB_URL=").unwrap();
        url.clone_into(&mut server.url);
        server
    }

    fn services(&self, word: &str, more: &[&str]) -> String {
        let mut command = Command::new("deploy/services");
        let command = command.env("STANDINGS_SERVICES_DIR", self.folder.path());
        let done = command.args(["mariadb", word]).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "mariadb {word}: {said}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// Ends it without a word.
    pub fn kill(&self) {
        self.services("stop", &[]);
    }

    /// Its port.
    pub fn port(&self) -> &str {
        let (_, rest) = self.url.rsplit_once(':').unwrap();
        rest.split_once('/').unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What it has goes with its folder: nobody waits until it is written.
        for word in ["stop", "down"] {
            let mut end = Command::new("deploy/services");
            let end = end.env("STANDINGS_SERVICES_DIR", self.folder.path());
            let _ = end.args(["mariadb", word]).output();
        }
    }
}
