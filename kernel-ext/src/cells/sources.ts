/** The text of a function of a notebook, with the parts of the notebook that it names. */
import type TS from 'typescript'
import type { Cell } from '../transport.js'
import { ts } from '../typescript.js'
import { writtenFunctions } from './written.js'

/** What cells say of a name: its declaration, then assignments to it. */
interface Named {
  texts: string[]
  /** Names that these texts use. */
  uses: Set<string>
  /** Position among all of them, so that texts come in the order in which they were run. */
  order: number
}

export interface Sources {
  /** The text of a function as its hash and its diff want it. */
  text(of: unknown): string
  /** Is it written in a cell? Not so one of a package, or one made at run time. */
  isOfCell(of: unknown): boolean
}

/**
 * Reads the cells that were run and gives texts of functions: before the function's own text, as it is written in its
 * cell, stand the declarations of
 * the notebook that it names, directly or through others, with the assignments to them, as last run. Cells that it does
 * not name make no difference.
 *
 * Not seen: values that change without an assignment at the top level of a cell (`list.push(…)`, a file, a closure made
 * in a function), names put together at run time, and what packages contain.
 *
 * @param cells those run so far; they only grow
 */
export function sourceReader(cells: () => readonly Cell[]): Sources {
  const known = new Map<string, Named>()
  const written = writtenFunctions()
  /** What was found stays: another function that comes down to the same may be written in another way. */
  const found = new WeakMap<object, string | null>()
  /** Names of harnesses: what they hold are the callables themselves. */
  const harnesses = new Set(['harness'])
  let read = 0

  const take = (name: string, text: string, uses: Set<string>) => {
    known.set(name, { texts: [text], uses, order: known.get(name)?.order ?? known.size })
  }

  function statement(node: TS.Statement, file: TS.SourceFile): void {
    const text = node.getText(file)
    if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node)) {
      if (node.name) take(node.name.text, text, namesIn(node))
    } else if (ts.isImportDeclaration(node)) {
      for (const name of bindings(node)) take(name, text, new Set())
    } else if (ts.isVariableStatement(node)) {
      for (const declaration of node.declarationList.declarations) {
        const root = declaration.initializer && rootOf(declaration.initializer)
        for (const name of bindings(declaration.name)) {
          if (root !== undefined && harnesses.has(root)) harnesses.add(name)
          else harnesses.delete(name)
          take(name, text, namesIn(declaration))
        }
      }
    } else if (ts.isExpressionStatement(node)) {
      const changed = assigned(node.expression)
      const before = changed === undefined ? undefined : known.get(changed)
      if (!before || harnesses.has(changed!)) return
      before.texts.push(text)
      for (const name of namesIn(node)) before.uses.add(name)
    }
  }

  function readNew(): void {
    const all = cells()
    for (const { code } of all.slice(read)) {
      const file = parse(code)
      for (const node of file.statements) statement(node, file)
      written.add(file)
    }
    read = all.length
  }

  /** The TypeScript of a function; null if it is of no cell. */
  function inCell(of: object): string | null {
    if (!found.has(of)) found.set(of, written.of(String(of)) ?? null)
    return found.get(of)!
  }

  function text(of: unknown): string {
    if (typeof of !== 'function') return String(of)
    readNew()
    const own = inCell(of) ?? String(of)
    const needed = new Map<string, Named>()
    const follow = (names: Iterable<string>) => {
      for (const name of names) {
        const one = known.get(name)
        if (!one || needed.has(name) || harnesses.has(name)) continue
        needed.set(name, one)
        follow(one.uses)
      }
    }
    follow(namesIn(parse(`(${own})`)))
    const name = (of as { name?: string }).name
    // A declared function is its own text already.
    if (name) needed.delete(name)
    const parts = [...needed.values()].sort((a, b) => a.order - b.order).flatMap(({ texts }) => texts)
    return [...new Set(parts), own].join('\n')
  }

  return {
    text,
    isOfCell(of) {
      readNew()
      return typeof of === 'function' && inCell(of) !== null
    },
  }
}

const parse = (code: string): TS.SourceFile =>
  ts.createSourceFile('cell.ts', code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)

/** Names that a declaration binds. */
function bindings(node: TS.Node): string[] {
  const found: string[] = []
  const visit = (inner: TS.Node): void => {
    if (ts.isIdentifier(inner)) found.push(inner.text)
    else if (ts.isBindingElement(inner)) visit(inner.name)
    else if (ts.isImportSpecifier(inner)) visit(inner.name)
    else if (!ts.isStringLiteral(inner)) ts.forEachChild(inner, visit)
  }
  visit(node)
  return found
}

/** Names that a piece of code uses and does not bind itself. */
function namesIn(node: TS.Node): Set<string> {
  const used = new Set<string>()
  const bound = new Set<string>()
  const visit = (inner: TS.Node): void => {
    if (
      ts.isParameter(inner) ||
      (ts.isVariableDeclaration(inner) && inner !== node) ||
      (ts.isFunctionDeclaration(inner) && inner !== node)
    )
      if (inner.name) for (const name of bindings(inner.name)) bound.add(name)
    if (ts.isPropertyAccessExpression(inner)) {
      // In the JavaScript of a cell `exports.rate` is what the cell calls `rate`.
      if (inner.expression.getText() === 'exports') used.add(inner.name.text)
      else visit(inner.expression)
    } else if (ts.isPropertyAssignment(inner)) visit(inner.initializer)
    else {
      if (ts.isIdentifier(inner)) used.add(inner.text)
      ts.forEachChild(inner, visit)
    }
  }
  visit(node)
  for (const name of bound) used.delete(name)
  return used
}

/** The variable at the root of `a`, `a.b.c`, `a[0]`, `a.b()`, `await a.b()`. */
function rootOf(node: TS.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text
  if (
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node) ||
    ts.isCallExpression(node) ||
    ts.isAwaitExpression(node) ||
    ts.isParenthesizedExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAsExpression(node)
  )
    return rootOf(node.expression)
  return undefined
}

/** The variable that an expression assigns to, as a whole or in part. */
function assigned(node: TS.Expression): string | undefined {
  const { FirstAssignment, LastAssignment, PlusPlusToken, MinusMinusToken } = ts.SyntaxKind
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken
    return kind >= FirstAssignment && kind <= LastAssignment ? rootOf(node.left) : undefined
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node))
    return node.operator === PlusPlusToken || node.operator === MinusMinusToken ? rootOf(node.operand) : undefined
  return undefined
}
