import { z } from 'zod'

/** The same tool on every server. */
export const withEcho = (server) => {
  server.registerTool(
    'echo',
    { description: 'Says what it is told.', inputSchema: z.object({ message: z.string() }) },
    async ({ message }) => ({
      content: [{ type: 'text', text: message }],
    }),
  )
  return server
}
