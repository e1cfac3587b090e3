#[daemon::main(background_flag = ["d", "-b", "--b", "-h"])]
fn main() {}
