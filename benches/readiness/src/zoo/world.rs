//! What the shapes share: work, sockets, runtimes, and the services of the bench.

use std::env;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The end of a start that fails.
pub(crate) fn fail() -> ! {
    eprintln!("failed");
    exit(3)
}

pub(crate) fn work(time: Duration) {
    let begin = Instant::now();
    let mut value = 1_u64;
    while begin.elapsed() < time {
        for _ in 0..1000 {
            value = black_box(value.wrapping_mul(31).wrapping_add(7));
        }
    }
}

pub(crate) fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a socket")
}

pub(crate) fn serve(listener: TcpListener) {
    for client in listener.incoming().flatten() {
        let mut client = client;
        client.write_all(b"hello").ok();
    }
}

/// A service of the bench: `DATABASE` answers after 8 ms, `SILENT` closes after 400 ms without an
/// answer, `FULL` takes no connections, `REFUSED` refuses them, `LATE` refuses them after a second.
pub(crate) fn service(name: &str) -> SocketAddr {
    let variable = format!("ZOO_{name}");
    let address = env::var(&variable).unwrap_or_else(|_| panic!("{variable} is not set"));
    address.parse().expect("an address")
}

/// A file that the bench has made.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env::var_os("ZOO_DIR").expect("ZOO_DIR is not set")).join(name)
}

/// A name for a file of this process alone.
pub(crate) fn own_file(name: &str) -> PathBuf {
    file(&format!("{name}-{}", std::process::id()))
}

/// This program in another shape.
pub(crate) fn itself(shape: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.arg(shape);
    command
}

pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A question to a server and its answer.
pub(crate) fn ask(server: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"hello\n")?;
    stream.read_exact(&mut [0; 3])?;
    Ok(stream)
}

pub(crate) async fn ask_async(server: SocketAddr) -> io::Result<tokio::net::TcpStream> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server).await?;
    stream.write_all(b"hello\n").await?;
    stream.read_exact(&mut [0; 3]).await?;
    Ok(stream)
}

/// tokio with four workers.
pub(crate) fn threads() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// tokio on the first thread.
pub(crate) fn thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

pub(crate) async fn listener_async() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a socket")
}

pub(crate) async fn serve_async(listener: tokio::net::TcpListener) {
    use tokio::io::AsyncWriteExt;
    loop {
        if let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move { client.write_all(b"hello").await });
        }
    }
}

pub(crate) async fn tick(interval: Duration) {
    let mut interval = tokio::time::interval(interval);
    loop {
        interval.tick().await;
    }
}
