//! The attribute above that of actix.

#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
#[actix_web::main]
async fn main() -> std::io::Result<()> {
    runtimes::actix::serve().await
}
