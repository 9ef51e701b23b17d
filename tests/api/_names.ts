/** The names of asyncio's two API indexes, in their order, and what this package exports: plain lists to compare with. */

/** A Python name, or `[python, typescript]` where the camelCase rule does not give the name here. */
export type Name = string | readonly [python: string, typescript: string];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** What the high-level index lists: functions and classes of the module. */
export const highLevel: Record<string, Name[]> = {
  Tasks: words(`run Runner Task TaskGroup create_task current_task all_tasks sleep gather wait_for
    shield wait timeout to_thread run_coroutine_threadsafe as_completed`),
  Queues: words("Queue PriorityQueue LifoQueue"),
  Subprocesses: words("create_subprocess_exec create_subprocess_shell"),
  Streams: words(`open_connection open_unix_connection start_server start_unix_server StreamReader
    StreamWriter`),
  Synchronization: words("Lock Event Condition Semaphore BoundedSemaphore Barrier"),
  Exceptions: words("CancelledError BrokenBarrierError"),
};

/** The low-level index: functions of the module. */
export const lowLevel: Record<string, Name[]> = {
  "Obtaining the event loop": words(
    "get_running_loop get_event_loop set_event_loop new_event_loop",
  ),
  "Event loop policies": words(
    "get_event_loop_policy set_event_loop_policy AbstractEventLoopPolicy",
  ),
};

/** The low-level index: methods of the loop. */
export const loopMethods: string[] = words(`
  run_until_complete run_forever stop close is_running is_closed shutdown_asyncgens set_debug
  get_debug call_soon call_soon_threadsafe call_later call_at run_in_executor set_default_executor
  create_future create_task set_task_factory get_task_factory getaddrinfo getnameinfo
  create_connection create_server create_unix_connection create_unix_server
  connect_accepted_socket create_datagram_endpoint sendfile start_tls connect_read_pipe
  connect_write_pipe sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall
  sock_sendto sock_connect sock_accept sock_sendfile add_reader remove_reader add_writer remove_writer add_signal_handler
  remove_signal_handler subprocess_exec subprocess_shell call_exception_handler
  set_exception_handler get_exception_handler default_exception_handler`);

/** The low-level index: methods of transports, by the kind of transport that has them. */
export const transportMethods: Record<"stream" | "datagram" | "subprocess", string[]> = {
  stream: words(`close is_closing get_extra_info set_protocol get_protocol is_reading pause_reading
    resume_reading write writelines can_write_eof write_eof abort get_write_buffer_size
    get_write_buffer_limits set_write_buffer_limits`),
  datagram: words("sendto abort close"),
  subprocess: words("get_pid get_pipe_transport get_returncode kill send_signal terminate close"),
};

/** The low-level index: what protocols are told. */
export const protocolMethods: string[] = words(`connection_made connection_lost pause_writing
  resume_writing data_received eof_received get_buffer buffer_updated datagram_received
  error_received pipe_data_received pipe_connection_lost process_exited`);

/** What else `import asyncio` offers: the second half of the porting table. */
export const beyondTheIndexes: Name[] = [
  ...words(`timeout_at Timeout Future ensure_future wrap_future eager_task_factory
    create_eager_task_factory FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED TimeoutError
    InvalidStateError SendfileNotAvailableError IncompleteReadError LimitOverrunError QueueEmpty
    QueueFull QueueShutDown Server StreamReaderProtocol Handle TimerHandle DefaultEventLoopPolicy
    capture_call_graph format_call_graph print_call_graph PIPE DEVNULL STDOUT ContextVar Context
    copy_context ThreadPoolExecutor ProcessPoolExecutor BrokenExecutor ExceptionGroup
    KeyboardInterrupt OSError`),
  ["isfuture", "isFuture"],
  ["asyncio.subprocess.Process", "Process"],
  ["socket.socket", "Socket"],
  ["AbstractEventLoop", "EventLoop"],
];

/** Everything the package exports that exists at run time, beside what the lists above name. */
export const otherExports: string[] = words(`
  RuntimeError FatalError NotImplementedError ConnectionError ConnectionRefusedError
  ConnectionResetError ConnectionAbortedError BrokenPipeError BlockingIOError ProcessLookupError
  FileNotFoundError PermissionError GaiError SSLError SSLCertVerificationError ConcurrentFuture
  AF_UNIX AF_INET AF_INET6 AI_ADDRCONFIG AI_ALL AI_CANONNAME AI_NUMERICHOST
    AI_NUMERICSERV AI_PASSIVE AI_V4MAPPED IPPROTO_TCP IPPROTO_UDP SOCK_STREAM SOCK_DGRAM currentSignal withSignal threadModule transfer
  getParentLoop currentThreadSignal terminateProcess EventLoop
  map flatMap merge batch ticks retry shared interruptible fetch shutdownSignal signalsReceived
  CapacityLimiter RateLimiter Broadcast WouldBlock`);

/** Public members of the classes, beside constructors. */
export const members: Record<string, string[]> = {
  Future: words(`done cancelled result exception setResult setException cancel addDoneCallback
    removeDoneCallback getLoop then catch finally`),
  Task: words(`getName setName getCoro getContext cancel cancelling uncancel signal getStack
    printStack`),
  ContextVar: words("get set reset"),
  Context: words("run bind size get has copy"),
  ExceptionGroup: words("subgroup split derive leaves"),
  TaskGroup: words("with createTask start cancel"),
  Timeout: words("with when reschedule expired"),
  Runner: words("run getLoop close with"),
  ConcurrentFuture: words("result exception cancel done cancelled then"),
  ThreadPoolExecutor: words("submit shutdown"),
  ProcessPoolExecutor: words("submit shutdown"),
  Lock: words("locked statistics acquire acquireNowait release with"),
  Event: words("isSet set clear wait"),
  Condition: words(
    "statistics locked acquire acquireNowait release with wait waitFor notify notifyAll",
  ),
  Semaphore: words("statistics locked acquire acquireNowait release with"),
  BoundedSemaphore: words("release"),
  CapacityLimiter: words(`total borrowed available statistics acquire acquireNowait release with`),
  RateLimiter: words("acquire with hasCapacity statistics"),
  Broadcast: words("subscribe publish publishNowait shutdown statistics"),
  Barrier: words("statistics wait with reset abort parties nWaiting broken"),
  Queue: words(`maxsize qsize empty full put putNowait get getNowait taskDone join statistics
    shutdown`),
  PriorityQueue: words("put get"),
  LifoQueue: words("put get"),
  StreamReader: words(`read readline readexactly readuntil atEof feedData feedEof exception
    setException setTransport readable`),
  StreamReaderProtocol: words(`connectionMade dataReceived eofReceived connectionLost pauseWriting
    resumeWriting`),
  StreamWriter: words(`transport write writelines drain canWriteEof writeEof close isClosing
    waitClosed getExtraInfo startTls writable`),
  Server: words(`sockets getLoop isServing startServing serveForever close closeClients
    abortClients waitClosed with`),
  Socket: words(`bind listen getsockname getpeername recv recvInto send shutdown setNoDelay
    setKeepAlive close closed`),
  Process: words("pid stdin stdout stderr returncode wait communicate sendSignal terminate kill"),
  Handle: words("cancel cancelled getContext"),
  TimerHandle: words("when cancel cancelled"),
  EventLoop: words(`time trackAsyncgen shutdownDefaultExecutor slowCallbackDuration`),
  DefaultEventLoopPolicy: words("getEventLoop setEventLoop newEventLoop"),
};
