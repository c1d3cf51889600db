import DefaultTheme from 'vitepress/theme';
import './wide-tables.css';

// biome-ignore lint/style/noDefaultExport: VitePress reads it.
export default DefaultTheme;
