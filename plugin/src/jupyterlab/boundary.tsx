import { Component, type ReactNode } from 'react'

interface Props {
  /** Shown in place of what could not be drawn. */
  instead: (error: Error) => ReactNode
  children: ReactNode
}

/** Never a blank page: what fails to draw leaves a word, and the rest of JupyterLab untouched. React wants a class for it. */
export class Boundary extends Component<Props, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) }
  }

  override render(): ReactNode {
    const { error } = this.state
    return error ? this.props.instead(error) : this.props.children
  }
}
