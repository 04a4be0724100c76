-- Signed WhatsApp calls, one message each, written beforehand to the file PAYLOADS: a signature and a body by turns.
local threads, n, calls = 0, 0, {}
function setup(thread) thread:set("tid", threads); threads = threads + 1 end
function init()
  local signature
  for line in io.lines(os.getenv("PAYLOADS")) do
    if signature then
      calls[#calls + 1] = wrk.format("POST", "/webhooks/whatsapp",
        { ["Content-Type"] = "application/json", ["X-Hub-Signature-256"] = signature }, line)
      signature = nil
    else
      signature = line
    end
  end
end
function request()
  n = n + 1
  return calls[(n - 1) % #calls + 1]
end
