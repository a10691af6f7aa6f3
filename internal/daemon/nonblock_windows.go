package daemon

// nonblock is for named pipes, which no file on Windows can become.
const nonblock = 0
