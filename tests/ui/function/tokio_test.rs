#[daemon::main]
#[tokio::test]
async fn check() {}

fn main() {}
