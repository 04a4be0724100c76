-- Midtrans's notifications, one a request, each of a payment of its own, written beforehand to the file PAYLOADS.
local threads, n, calls = 0, 0, {}
function setup(thread) thread:set("tid", threads); threads = threads + 1 end
function init()
  for line in io.lines(os.getenv("PAYLOADS")) do
    calls[#calls + 1] = wrk.format("POST", "/webhooks/midtrans", { ["Content-Type"] = "application/json" }, line)
  end
end
function request()
  n = n + 1
  return calls[(n - 1) % #calls + 1]
end
