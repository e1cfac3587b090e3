#[daemon::main(pid = 5, workdir)]
const unsafe extern "C" fn main<T>(count: u8)
where
    u8: Copy,
{
    let _ = count;
}
